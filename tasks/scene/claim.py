"""Claim: be the only one who acts on a Canary, for as long as the block lasts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from blocks.connections import Connections, connections
from blocks.leases.lease import Lease, owning
from tasks.scene.rollout_ref import RolloutRef


@asynccontextmanager
async def claimed(ref: RolloutRef, run: str) -> AsyncIterator[Lease]:
    """Wait until nobody else acts on this Canary, then hold its Lease.

    Args:
        ref: the Canary.
        run: what tells this run from another one in the same process.
    """
    lease = lease_for(connections(), ref, run)
    async with owning(lease):
        yield lease


def lease_for(wired: Connections, ref: RolloutRef, run: str) -> Lease:
    """The Canary's Lease, for one that wants to hold it; it does not yet."""
    return Lease(wired.cluster, wired.informers, wired.lease, wired.workers, f"sluice-{ref.name}", ref.namespace, run)
