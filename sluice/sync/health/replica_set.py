"""ReplicaSets and ReplicationControllers."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, condition, count, spec_of, status_of, working


def health(item: Object) -> Health:
    """All its pods are there, available and ready."""
    status, wanted = status_of(item), count(spec_of(item), "replicas", 1)
    if condition(item, "ReplicaFailure")[0] == "True":
        return working(condition(item, "ReplicaFailure")[2] or "pods cannot be made")
    for name, what in (
        ("fullyLabeledReplicas", "labelled"),
        ("availableReplicas", "available"),
        ("readyReplicas", "ready"),
    ):
        if count(status, name) < wanted:
            return working(f"{count(status, name)} of {wanted} pods are {what}")
    if count(status, "replicas") > wanted:
        return working(f"{count(status, 'replicas') - wanted} pods too many are still there")
    return READY
