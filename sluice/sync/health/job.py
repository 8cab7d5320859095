"""Jobs."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, broken, condition, working


def health(item: Object) -> Health:
    """Ready when it is complete, failed when it gave up. One that is suspended waits for a person."""
    for name in ("Failed", "FailureTarget"):
        if condition(item, name)[0] == "True":
            return broken(condition(item, name)[2] or "it failed")
    if condition(item, "Complete")[0] == "True":
        return READY
    if condition(item, "Suspended")[0] == "True":
        return working("it is suspended")
    return working("it is not complete")
