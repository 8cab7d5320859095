"""Objects of Flux's kinds: ready by their condition, and not before somebody has looked at them at all.

A new one has no status. By its conditions alone it would pass a health check before its first sync, and what depends on it
would go on; Flux's own definitions prevent that by a default of -1 for `observedGeneration`.
"""

from __future__ import annotations

from sluice.sync.health.base import Health, Object, status_of, working
from sluice.sync.health.general import by_conditions


def health(item: Object) -> Health:
    """Its controller has looked at it, and says by the usual conditions how it is."""
    status = status_of(item)
    if "observedGeneration" not in status and not status.get("conditions"):
        return working("its controller has not begun")
    return by_conditions(item)
