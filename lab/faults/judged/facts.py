"""What is observed, and how its facts are read: the objects of every shape of application, and what all of them have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.api.paths import path
from lab.faults.applications import APPLICATIONS
from lab.faults.applications.base import INSTANCE
from lab.faults.judged.history import Facts, Object


@dataclass(frozen=True, slots=True)
class Observed:
    """One kind: the path of all of its objects in a namespace, and how their facts are read."""

    path: Callable[[str], str]
    reads: Callable[[Object], Facts]


def _canary(item: Object) -> Facts:
    status = item.get("status") or {}
    promoted: Object = next((one for one in status.get("conditions") or [] if one.get("type") == "Promoted"), {})
    return {
        "phase": status.get("phase", ""),
        "weight": status.get("canaryWeight", 0),
        "step": status.get("step", -1),
        "intervals": status.get("iterations", 0),
        "failed": status.get("failedChecks", 0),
        "rollback reason": status.get("rollbackReason") or "",
        "applied": status.get("lastAppliedSpec", ""),
        "promoted": status.get("lastPromotedSpec", ""),
        "said": promoted.get("message", ""),
    }


def _slice(item: Object) -> Facts:
    ready = [
        address
        for endpoint in item.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready", True)
        for address in endpoint.get("addresses") or []
    ]
    labels = item["metadata"].get("labels") or {}
    return {"service": labels.get("kubernetes.io/service-name", ""), "ready": sorted(ready)}


def _pod(item: Object) -> Facts:
    status = item.get("status") or {}
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or []}
    containers = status.get("containerStatuses") or [{}]
    labels = item["metadata"].get("labels") or {}
    return {
        "app": labels.get("app", ""),
        "instance": labels.get(INSTANCE, ""),
        "uid": item["metadata"].get("uid", ""),
        "tag": str(item["spec"]["containers"][0]["image"]).rpartition(":")[2],
        "address": status.get("podIP", ""),
        "ready": conditions.get("Ready") == "True",
        "restarts": containers[0].get("restartCount", 0),
        "leaving": "deletionTimestamp" in item["metadata"],
    }


def _common(plural: str, reads: Callable[[Object], Facts]) -> Observed:
    return Observed(lambda namespace: path(plural, namespace), reads)


OBSERVED: dict[str, Observed] = {
    "canaries": _common("canaries", _canary),
    "endpointslices": _common("endpointslices", _slice),
    "pods": _common("pods", _pod),
} | {part.plural: Observed(part.path, part.reads) for shape in APPLICATIONS.values() for part in shape.parts}
"""Plural of each kind that is observed."""
