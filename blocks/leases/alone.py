"""Work that one of several workers does at a time, by a Lease: the others stand by, and one of them goes on where it dies.

A worker that stops in order gives the Lease back, and the next one has it at once; so it is with one that was killed on the
same host, at the next look. Of any other the sign of life has to run out first: `TAKEN_OVER_WITHIN` seconds in all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from blocks.leases.lease import Lease, owning
from blocks.leases.worker import DURATION, LOOK

STANDBY = 5.0
"""Seconds between two looks of one that stands by: it does so for as long as it lives, and each look is a request."""
TAKEN_OVER_WITHIN = DURATION + 2 * STANDBY
"""Seconds after the last sign of life of who had it."""
log = logging.getLogger("sluice.lease")


async def alone(lease: Lease, work: Callable[[], Awaitable[None]]) -> None:
    """Wait for the lease and work under it, until the work ends or the right to it is lost.

    Args:
        lease: of this work.
        work: is cancelled where the lease is lost, before anybody else can have claimed it.
    """
    async with owning(lease, STANDBY):
        task = asyncio.ensure_future(work())
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=LOOK)
                if not lease.owned:
                    log.warning("%s was lost: another worker may go on with it", lease.name)
                    return
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
