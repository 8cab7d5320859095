"""Conditions of an object's status, as Kubernetes and Flux write them.

A condition's `lastTransitionTime` moves only when its status does; everything that writes conditions goes through
`with_condition`, so that "Ready since" is true.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sluice.manifests.meta import ForeignModel

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
"""True where trying again is of no use before somebody changes the manifest."""
HEALTHY = "Healthy"
"""Of a Kustomization with health checks: whether what it applied is ready."""
UNSUPPORTED = "UnsupportedFields"
"""True where the manifest sets fields that sluice does not act on; the message names them."""


class Condition(ForeignModel):
    """One condition of `status.conditions`."""

    type: str
    status: str
    """`True`, `False` or `Unknown`."""
    reason: str = ""
    message: str = ""
    last_transition_time: str = ""
    """RFC 3339, when the status last changed."""
    observed_generation: int = 0


def find_condition(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """The condition of that type, if it is there."""
    return next((condition for condition in conditions if condition.type == type_), None)


def with_condition(conditions: Iterable[Condition], new: Condition, now: datetime) -> tuple[Condition, ...]:
    """The conditions with `new` in place of the one of its type, or at the end.

    Args:
        conditions: as they are in the status.
        new: without a transition time; it is carried over while the status stays the same.
        now: the moment of the change, with a time zone.
    """
    kept = list(conditions)
    for index, old in enumerate(kept):
        if old.type == new.type:
            since = old.last_transition_time if old.status == new.status else ""
            kept[index] = new.model_copy(update={"last_transition_time": since or rfc3339(now)})
            return tuple(kept)
    return (*kept, new.model_copy(update={"last_transition_time": rfc3339(now)}))


def without_condition(conditions: Iterable[Condition], type_: str) -> tuple[Condition, ...]:
    """The conditions without the one of that type."""
    return tuple(condition for condition in conditions if condition.type != type_)


def reported(
    conditions: Iterable[Condition], paths: Iterable[str], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions with the one that names what sluice does not act on, or without it where there is nothing."""
    named = ", ".join(dict.fromkeys(paths))
    if not named:
        return without_condition(conditions, UNSUPPORTED)
    said = f"sluice does not act on {named}"
    new = Condition(type=UNSUPPORTED, status="True", reason="NotActedOn", message=said, observed_generation=generation)
    return with_condition(conditions, new, now)


def rfc3339(moment: datetime) -> str:
    """As Kubernetes writes times: UTC, whole seconds, `Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
