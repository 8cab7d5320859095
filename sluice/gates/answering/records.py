"""The record that is made of what somebody asks: its name says what it is, so that the same asked twice is one record."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from sluice.manifests.own.audit_record import ASKING, ASKS, OF_CANARY, Act, AuditRecord, AuditRecordSpec, canary_label

Object = dict[str, Any]
NAME_PART = 40
LONGEST_REASON = 2000


def record(namespace: str, spec: AuditRecordSpec, key: str) -> Object:
    """The record as it is given to the API server.

    Args:
        namespace: of the Canary.
        spec: what was asked.
        key: what tells it from others: the same key makes the same name, and the API server takes one of a name.
    """
    labels = {OF_CANARY: canary_label(spec.canary)} | ({ASKS: "true"} if spec.act in ASKING else {})
    labels = {name: value for name, value in labels.items() if value}
    return {
        "apiVersion": AuditRecord.api_version,
        "kind": AuditRecord.kind,
        "metadata": {"name": _name(spec, key), "namespace": namespace, "labels": labels},
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    }


def refused(spec: AuditRecordSpec, why: str) -> AuditRecordSpec:
    """What is recorded of something that was asked and refused."""
    said = f"asked to {spec.act}: {why}"[:LONGEST_REASON]
    return spec.model_copy(update={"act": Act.REFUSED, "reason": said})


def stamp(now: float) -> str:
    """A moment as records have it."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _name(spec: AuditRecordSpec, key: str) -> str:
    digest = hashlib.sha256("\0".join([spec.act, spec.by, spec.canary, spec.revision, spec.gate, key]).encode())
    part = "".join(
        char for char in spec.canary[:NAME_PART].lower() if char.isascii() and (char.isalnum() or char == "-")
    )
    return "-".join(one for one in (str(spec.act), part.strip("-"), digest.hexdigest()[:20]) if one)
