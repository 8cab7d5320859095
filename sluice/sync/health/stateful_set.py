"""StatefulSets."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, count, spec_of, status_of, working


def health(item: Object) -> Health:
    """All pods are ready, and those that are to be updated are; one that is updated by hand is left out."""
    spec, status = spec_of(item), status_of(item)
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return READY
    wanted = count(spec, "replicas", 1)
    if "observedGeneration" not in status:
        return working("its controller has not seen it yet")
    if count(status, "replicas") != wanted:
        return working(f"{count(status, 'replicas')} of {wanted} pods are made")
    if count(status, "readyReplicas") < wanted:
        return working(f"{count(status, 'readyReplicas')} of {wanted} pods are ready")
    partition = count(strategy.get("rollingUpdate") or {}, "partition", 0)
    if partition > 0:
        updated, due = count(status, "updatedReplicas"), wanted - partition
        return READY if updated >= due else working(f"{updated} of {due} pods are of the newest template")
    if count(status, "currentReplicas") < wanted and status.get("currentRevision") != status.get("updateRevision"):
        return working(f"{count(status, 'updatedReplicas')} of {wanted} pods are of the newest template")
    if status.get("currentRevision") != status.get("updateRevision"):
        return working("its update is under way")
    return READY
