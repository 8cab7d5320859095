"""Pods."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, broken, condition, status_of, working

CRASHES = "CrashLoopBackOff"


def health(item: Object) -> Health:
    """Ready, or ended well; failed where a container of it crashes."""
    status = status_of(item)
    phase = status.get("phase")
    if phase == "Succeeded":
        return READY
    if phase == "Failed":
        return broken(str(status.get("message") or status.get("reason") or "it failed"))
    if phase == "Running" and condition(item, "Ready")[0] == "True":
        return READY
    for one in status.get("containerStatuses") or []:
        waits = (one.get("state") or {}).get("waiting") or {}
        if waits.get("reason") == CRASHES:
            return broken(f"container {one.get('name')}: {CRASHES}")
        if waits.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            # An image that is pushed in a moment, a Secret that comes with the next object: it may still run.
            return working(f"container {one.get('name')}: {waits['reason']}")
    scheduled, reason, message = condition(item, "PodScheduled")
    if scheduled == "False" and reason == "Unschedulable":
        return working(f"no node has room for it: {message}")
    return working(f"its phase is {phase or 'not known yet'}")
