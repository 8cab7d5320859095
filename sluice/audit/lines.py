"""Records as JSON lines: fields always in one order, so that two exports can be compared line by line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sluice.manifests.own.audit_record import AuditRecord

FIELDS = ("act", "by", "groups", "through", "canary", "revision", "version", "gate", "point", "reason", "at")


def line(record: AuditRecord) -> str:
    """One record on one line: when the API server took it, where it is, and all that it says."""
    spec = record.spec.model_dump(mode="json", by_alias=True)
    said: dict[str, Any] = {
        "time": record.made,
        "namespace": record.namespace,
        "name": record.name,
        "uid": record.metadata.uid,
        **{name: spec[name] for name in FIELDS},
    }
    # What a later version of the kind says besides, after the fields of today.
    said |= {name: spec[name] for name in sorted(spec) if name not in FIELDS}
    return json.dumps(said, ensure_ascii=False, separators=(", ", ": "))


def in_order(records: Iterable[AuditRecord]) -> list[AuditRecord]:
    """Records by time; those of one second by the order in which the cluster took them."""
    return sorted(records, key=lambda one: (one.made, one.version, one.namespace, one.name))


def wanted(record: AuditRecord, since: str, until: str, canary: str) -> bool:
    """Whether a record is in a span of time and about a Canary.

    Args:
        since, until: RFC 3339 in UTC, or the beginning of it, such as a day; empty for no bound. What is at `until` is not.
        canary: `name`, or `namespace/name`; empty for all.
    """
    if since and record.made < since:
        return False
    if until and record.made >= until:
        return False
    return canary in {"", record.spec.canary, f"{record.namespace}/{record.spec.canary}"}
