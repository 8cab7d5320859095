"""Deployments."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, broken, condition, count, spec_of, status_of, working


def health(item: Object) -> Health:
    """All its pods are of the newest template and available; failed where it made no progress within its deadline."""
    status, wanted = status_of(item), count(spec_of(item), "replicas", 1)
    if condition(item, "Progressing")[1] == "ProgressDeadlineExceeded":
        return broken("its progressDeadlineSeconds are over")
    # A quota or a webhook that refuses pods may let them in later: the deadline says when that is too late.
    if condition(item, "ReplicaFailure")[0] == "True":
        return working(condition(item, "ReplicaFailure")[2] or "pods cannot be made")
    if "observedGeneration" not in status:
        return working("its controller has not seen it yet")
    for name, what in (("replicas", "made"), ("updatedReplicas", "of the newest template")):
        if count(status, name) < wanted:
            return working(f"{count(status, name)} of {wanted} pods are {what}")
    if count(status, "replicas") > count(status, "updatedReplicas"):
        return working(f"{count(status, 'replicas') - count(status, 'updatedReplicas')} old pods are still there")
    for name, what in (("availableReplicas", "available"), ("readyReplicas", "ready")):
        if count(status, name) < wanted:
            return working(f"{count(status, name)} of {wanted} pods are {what}")
    if wanted and condition(item, "Available")[0] not in ("True", ""):
        return working("it is not available")
    return READY
