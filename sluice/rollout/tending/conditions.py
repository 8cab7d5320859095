"""The condition `Kept` of a Canary: whether what it brings forth is as its manifest and its journal say."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sluice.manifests.flagger.canary import Canary
from sluice.rollout.journal import timestamp

KEPT = "Kept"


class Kept(StrEnum):
    """Reasons of the condition."""

    RIGHT = "Right"
    """All is as it is to be."""
    CONTESTED = "Contested"
    """Somebody else changes it each time that it was put right."""
    REFUSED = "Refused"
    """An object of somebody else has one of its names, or the manifest asks for what cannot be done."""
    TARGET_GONE = "TargetGone"
    """Users are served, and nothing can be released."""
    TURNED = "Turned"
    """Users are where somebody has turned a Service to, for the primary has no pods."""
    NO_AUTOSCALER = "NoAutoscaler"
    """The primary serves, and nothing scales it: what it would be scaled by is not there."""
    LOST = "Lost"
    """Nobody knows what the primary ran."""


def kept(canary: Canary, now: float, reason: Kept, message: str) -> dict[str, Any] | None:
    """The patch of the status that says it; None where it is said already, or all has always been right.

    Args:
        now: seconds since the epoch.
    """
    status = "True" if reason is Kept.RIGHT else "False"
    old = canary.status.condition(KEPT)
    if old is None and reason is Kept.RIGHT:
        return None
    if old and (old.reason, old.message) == (reason, message):
        return None
    moved = old is None or old.status != status
    one = {
        "type": KEPT,
        "status": status,
        "reason": str(reason),
        "message": message,
        "lastUpdateTime": timestamp(now),
        "lastTransitionTime": timestamp(now) if moved or old is None else old.last_transition_time,
    }
    others = [other.model_dump(by_alias=True) for other in canary.status.conditions if other.type != KEPT]
    return {"status": {"conditions": [*others, one]}}
