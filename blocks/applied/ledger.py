"""The ledger: of each object that a sync of this process applied, the manifest's digest and the object's metadata then.

It is memory, not truth. It holds as long as the owner's status is the one that this process wrote: another process that
applies anything writes there first. A ledger that does not hold is empty, and costs a look at the objects.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sluice.recent import Recent
from sluice.sync.drift.seen import Known
from sluice.sync.objects import ObjectId

OWNERS = 10_000
"""Owners of which something is remembered: those that were synced last."""
Owner = tuple[str, str, str]
"""Kind, namespace and name."""
Place = tuple[str, str, str, str]
"""Group, kind, namespace and name: an object, whatever version it is written in."""


def place_of(one: ObjectId) -> Place:
    """Where an object is."""
    return one.group, one.kind, one.namespace, one.name


@dataclass(slots=True)
class Ledger:
    """What syncs of one owner have left.

    Attributes:
        version: the owner's resourceVersion after the last write to its status by this process.
        known: the objects.
        looked: when a sync that looked at all of them last came to its end, by `time.monotonic`; 0 for never.
        since: a moment, by `time.monotonic`, at which the owner had this version already.
    """

    version: str = ""
    known: dict[Place, Known] = field(default_factory=dict)
    looked: float = 0.0
    since: float = field(default_factory=time.monotonic)

    def now_at(self, version: str) -> None:
        """The owner has this version now."""
        if version != self.version:
            self.version, self.since = version, time.monotonic()

    def keep_only(self, places: set[Place]) -> None:
        """Forget what is no longer the owner's."""
        for place in self.known.keys() - places:
            del self.known[place]


@dataclass(slots=True)
class Ledgers:
    """The ledgers of one process."""

    _ledgers: Recent[Owner, Ledger] = field(default_factory=lambda: Recent(OWNERS))

    def of(self, owner: Owner, version: str) -> Ledger:
        """The ledger of an owner whose resourceVersion is `version` now; an empty one where it does not hold any more."""
        ledger = self._ledgers.get(owner)
        if ledger is None or ledger.version != version:
            ledger = Ledger(version)
        self._ledgers[owner] = ledger
        return ledger

    def known(self, owner: Owner, version: str) -> Ledger | None:
        """The ledger of an owner where it holds; None where nothing is known."""
        ledger = self._ledgers.get(owner)
        return ledger if ledger is not None and ledger.version == version else None

    def forget(self, owner: Owner) -> None:
        """The owner is gone."""
        self._ledgers.pop(owner, None)
