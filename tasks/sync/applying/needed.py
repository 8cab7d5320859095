"""Needed: which of a sync's objects have to be written. The seam between what is wanted and what is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from blocks.applied.ledger import place_of
from blocks.applied.sight import Sight
from sluice.sync.applying.managers import takeover
from sluice.sync.applying.wishes import ends_itself
from sluice.sync.objects import ObjectId, identity
from tasks.sync.applying.wanted import MANAGER, Wanting

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Needed:
    """What a sync has to do.

    Attributes:
        writes: the objects that have to be written.
        spared: those that are left as they are.
    """

    writes: Sequence[Object]
    spared: frozenset[ObjectId]


def needed(sight: Sight, wanting: Wanting, objects: Sequence[Object], *, keep_changes: bool = False) -> Needed:
    """Those of the objects that are not known to be in the cluster as they are here.

    Args:
        sight: of the cluster that they are for, after the look at these objects.
        wanting: what is left alone there.
        objects: placed, with their owner's labels, and without those that are left alone.
        keep_changes: what somebody changed by hand stays as it is.
    """
    writes, spared = list[Object](), set[ObjectId]()
    for one in objects:
        if sight.settled(one):
            continue
        live = sight.found(one)
        if live is None and not sight.as_left(one):
            if not ends_itself(one):
                sight.missing(one)
        elif live is not None:
            if wanting.spares(one, live):
                spared.add(identity(one))
                continue
            takes = wanting.takes(one, live)
            right = sight.is_right(one, wanting.over(one, live), live, takes=takes)
            if right and not (takes and takeover(live, MANAGER)):
                continue
        if keep_changes and place_of(identity(one)) in sight.findings:
            spared.add(identity(one))
            continue
        writes.append(one)
    return Needed(writes, frozenset(spared))
