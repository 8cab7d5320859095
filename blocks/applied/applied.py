"""What a process knows of the objects that it has applied: the ledgers of its syncs, and the watches of their kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from blocks.applied.ledger import Ledgers, Owner, Place
from blocks.applied.watches import Watches
from blocks.kubernetes.cluster import Cluster
from sluice.recent import Recent
from sluice.sync.drift.seen import ours_changed
from sluice.sync.drift.struggle import Repeats

REMEMBERED = 5000
"""Objects of which it is remembered what people were informed of."""
LOOK_EVERY = 3 * 3600.0
"""Seconds after which all objects of an owner are looked at although nothing is known to have changed."""


@dataclass(slots=True)
class Applied:
    """What is known.

    Attributes:
        ledgers: what syncs of this process have applied, by their owner.
        watches: of the process's own cluster; None where nobody watches, and each sync looks for itself.
        said: what people were informed of last, of each object that somebody has changed.
        repeats: how often they were informed of the same change of an object.
    """

    ledgers: Ledgers = field(default_factory=Ledgers)
    watches: Watches | None = None
    said: Recent[tuple[Owner, Place], str] = field(default_factory=lambda: Recent(REMEMBERED))
    repeats: Recent[tuple[Owner, Place, str], Repeats] = field(default_factory=lambda: Recent(REMEMBERED))

    def vouches(self, owner: Owner, version: str, now: float) -> bool:
        """Whether all that this owner has applied is known to be as it was applied: its interval brings nothing then.

        Now and then all is looked at in any case: a renderer may read more than the source, such as a base of another
        repository.

        Args:
            owner: kind, namespace and name.
            version: its resourceVersion.
            now: the moment, on the clock of `time.monotonic`.
        """
        ledger = self.ledgers.known(owner, version)
        if ledger is None or self.watches is None or not ledger.looked or now - ledger.looked > LOOK_EVERY:
            return False
        for (group, kind, namespace, name), known in ledger.known.items():
            watched = self.watches.fresh_of(group, kind, namespace)
            if watched is None or ours_changed(known.seen, watched.objects.get((namespace, name))):
                return False
        return True


@asynccontextmanager
async def remembering(cluster: Cluster, namespaces: tuple[str, ...] = ()) -> AsyncIterator[Applied]:
    """What is known of a cluster, for the duration of the block. A kind is watched once somebody asks for that."""
    watches = Watches(cluster, namespaces)
    try:
        yield Applied(watches=watches)
    finally:
        await watches.close()
