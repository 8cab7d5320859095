"""DaemonSets."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, count, spec_of, status_of, working


def health(item: Object) -> Health:
    """Each node that is to have a pod has one of the newest template, available and ready."""
    status = status_of(item)
    if "observedGeneration" not in status:
        return working("its controller has not seen it yet")
    by_hand = (spec_of(item).get("updateStrategy") or {}).get("type") == "OnDelete"
    wanted = count(status, "desiredNumberScheduled")
    parts = [("currentNumberScheduled", "scheduled"), ("updatedNumberScheduled", "of the newest template")]
    parts += [("numberAvailable", "available"), ("numberReady", "ready")]
    for name, what in parts:
        if by_hand and name == "updatedNumberScheduled":
            continue
        if count(status, name) < wanted:
            return working(f"{count(status, name)} of {wanted} pods are {what}")
    return READY
