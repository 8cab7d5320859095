"""The Freeze that a person makes by a command, in a terminal or in chat, and the record of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sluice.gates.answering.records import record, stamp
from sluice.manifests.own.audit_record import Act, AuditRecordSpec
from sluice.manifests.own.freeze import Freeze

BY_COMMAND = "sluice.dev/by-command"
"""Label, `true`, of what commands have made: unfreezing by a command ends nothing else."""
EVERYTHING = "everything"
"""What people say for all namespaces."""
ALL_CANARIES = "*"


def freeze_of(namespace: str, home: str, by: str, reason: str, name: str, until: float = 0.0) -> dict[str, Any]:
    """The Freeze of one namespace, in it; of everything, in sluice's own.

    Args:
        namespace: whose releases; empty for all.
        home: sluice's own namespace.
        by, reason: who and why.
        name: of the Freeze.
        until: seconds since the epoch; 0 for as long as nobody takes it away.

    Raises:
        InvalidError: it cannot be; the message names the field.
    """
    spec: dict[str, Any] = {"reason": reason, "by": by, **({} if namespace else {"namespaces": ["*"]})}
    if until:
        spec["until"] = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")
    made = {
        "apiVersion": Freeze.api_version,
        "kind": Freeze.kind,
        "metadata": {"name": name, "namespace": namespace or home, "labels": {BY_COMMAND: "true"}},
        "spec": spec,
    }
    Freeze.parse(made)
    return made


def trail_of(act: Act, where: str, by: str, reason: str, through: str, now: float, key: str) -> dict[str, Any]:
    """The record that somebody froze or thawed a namespace."""
    spec = AuditRecordSpec(act=act, by=by, through=through, canary=ALL_CANARIES, reason=reason, at=stamp(now))
    return record(where, spec, key)
