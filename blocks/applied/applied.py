"""What a process knows of the objects that it has applied: the ledgers of its syncs, and the watches of their kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from blocks.applied.ledger import Ledgers
from blocks.applied.watches import Watches
from blocks.kubernetes.cluster import Cluster


@dataclass(slots=True)
class Applied:
    """What is known.

    Attributes:
        ledgers: what syncs of this process have applied, by their owner.
        watches: of the process's own cluster; None where nobody watches, and each sync looks for itself.
    """

    ledgers: Ledgers = field(default_factory=Ledgers)
    watches: Watches | None = None


@asynccontextmanager
async def remembering(cluster: Cluster, namespaces: tuple[str, ...] = ()) -> AsyncIterator[Applied]:
    """What is known of a cluster, for the duration of the block. A kind is watched once somebody asks for that."""
    watches = Watches(cluster, namespaces)
    try:
        yield Applied(watches=watches)
    finally:
        await watches.close()
