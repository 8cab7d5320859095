"""What is true of any object: it goes, its controller has not seen it, or it says by the usual conditions how it is."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, State, broken, condition, status_of, working


def first(item: Object) -> Health | None:
    """What goes before the rule of its kind; None where that has the word."""
    meta, status = item.get("metadata") or {}, status_of(item)
    if meta.get("deletionTimestamp"):
        return Health(State.TERMINATING, "it is being deleted")
    observed, wanted = status.get("observedGeneration"), meta.get("generation")
    if isinstance(observed, int) and isinstance(wanted, int) and observed != wanted:
        return working(f"generation {wanted} is not observed yet, {observed} is")
    if condition(item, "Stalled")[0] == "True":
        return broken(_said(item, "Stalled"))
    if condition(item, "Reconciling")[0] == "True":
        return working(_said(item, "Reconciling"))
    return None


def by_conditions(item: Object) -> Health:
    """The rule of kinds without one of their own: Ready where they have it, else they are there and that is all."""
    ready, _, _ = condition(item, "Ready")
    if ready in ("False", "Unknown"):
        return working(_said(item, "Ready"))
    return READY


def once_observed(item: Object) -> Health:
    """The rule of Flux's kinds: their conditions, and not before somebody has looked at them at all.

    A new one has no status. By its conditions alone it would pass a health check before its first sync, and what depends
    on it would go on; Flux's own definitions prevent that by a default of -1 for `observedGeneration`.
    """
    status = status_of(item)
    if "observedGeneration" not in status and not status.get("conditions"):
        return working("its controller has not begun")
    return by_conditions(item)


def _said(item: Object, name: str) -> str:
    _, reason, message = condition(item, name)
    return message or reason or f"its condition {name} says so"
