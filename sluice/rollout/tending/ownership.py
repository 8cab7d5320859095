"""Whose an object is that has the name of something that a Canary brings forth."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from sluice.manifests.flagger.canary import Canary
from sluice.rollout.objects import MANAGED_BY, is_owned

Object = dict[str, Any]


class Owner(Enum):
    """Whose an object is, as a Canary finds it under one of its names."""

    OURS = auto()
    """This Canary's, or one that a Canary of sluice's left behind without an owner: it may be written."""
    LEAVING = auto()
    """On its way out: it is being deleted, or belongs to a Canary of this name that is deleted."""
    FOREIGN = auto()
    """Somebody else's."""


def owner(canary: Canary, item: Object) -> Owner:
    """Whose an object is.

    A Canary that is deleted and made again has another uid: what the old one owned is collected a moment later, and would
    take the users with it who were sent there.
    """
    meta = item["metadata"]
    if meta.get("deletionTimestamp"):
        return Owner.LEAVING
    if is_owned(canary, item):
        return Owner.OURS
    owners = meta.get("ownerReferences") or []
    if any(one.get("kind") == canary.kind and one.get("name") == canary.name for one in owners):
        return Owner.LEAVING
    # `kubectl delete canary --cascade=orphan` leaves what was made, so that users stay served.
    ours = MANAGED_BY.items() <= (meta.get("labels") or {}).items()
    return Owner.OURS if ours and not owners else Owner.FOREIGN
