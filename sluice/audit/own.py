"""Records that sluice writes of what it did, each with a name that is the same however often it is written."""

from __future__ import annotations

import hashlib
from typing import Any

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.audit_record import OF_CANARY, Act, AuditRecord, canary_label

BY = "sluice"
_NAMED = 160
"""Characters of a Canary's name in that of a record: with the rest it stays below the 253 of Kubernetes."""
_LONGEST = {"reason": 2000, "gate": 512, "point": 63, "version": 253}


def own_record(
    canary: Canary, act: Act, at: str, *, reason: str = "", gate: str = "", point: str = ""
) -> dict[str, Any]:
    """The manifest of a record.

    Args:
        canary: with the status that the act led to.
        act: what sluice did.
        at: when, RFC 3339.
        reason: why, for people.
        gate: which gate, `namespace/name`.
        point: of the rollout.
    """
    status = canary.status
    said = {
        "reason": reason,
        "gate": gate,
        "point": point,
        "version": status.begun_with.version if status.begun_with else "",
    }
    # What is written twice of one act is one: by what it is about, and by the state of the release that it belongs to.
    about = (canary.metadata.uid, status.last_applied_spec, act, gate, point, status.last_transition_time)
    mark = hashlib.sha256("\0".join(about).encode()).hexdigest()[:16]
    name = canary.name[:_NAMED].rstrip("-.")
    return {
        "apiVersion": AuditRecord.api_version,
        "kind": AuditRecord.kind,
        "metadata": {
            "name": f"{name}.{act}.{mark}",
            "namespace": canary.namespace,
            "labels": {OF_CANARY: canary_label(canary.name)},
        },
        "spec": {
            "act": str(act),
            "by": BY,
            "through": BY,
            "canary": canary.name,
            "revision": status.last_applied_spec,
            "at": at,
            **{key: _cut(value, _LONGEST[key]) for key, value in said.items() if value},
        },
    }


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
