"""CustomResourceDefinitions."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, broken, condition, working


def health(item: Object) -> Health:
    """The API server serves it; failed where another one has its names."""
    status, reason, message = condition(item, "NamesAccepted")
    if status == "False":
        return broken(message or reason)
    if condition(item, "Established")[0] == "True":
        return READY
    if condition(item, "Established")[:2] == ("False", "NotAccepted"):
        return broken(condition(item, "Established")[2] or "its names are not accepted")
    return working("it is not established yet")
