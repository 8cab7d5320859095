"""What one worker of several does for all: registries are polled, and what is changed by hand is put back, by one at a time.

A Lease says whose turn it is (`blocks.leases.alone`). Those who stand by know what happens, by their own watches, and go on
where the one whose turn it is stops or dies.
"""

from __future__ import annotations

import asyncio
from functools import partial

from blocks.connections import Connections
from blocks.leases.alone import alone
from blocks.leases.lease import Lease
from deployments.drift.watcher import DriftWatcher
from deployments.polling.poller import Poller
from deployments.supervision import forever


async def in_turn(wired: Connections, drift: DriftWatcher) -> None:
    """Wait for this worker's turn, and do it until it is over."""
    await alone(turn_of(wired), partial(_look, wired, drift))


def turn_of(wired: Connections) -> Lease:
    """The Lease by which the workers of an installation take turns."""
    name = f"sluice-turn-{wired.scope}".rstrip("-")
    return Lease(wired.cluster, wired.informers, wired.lease, wired.workers, name, wired.lease.namespace, "turn")


async def _look(wired: Connections, drift: DriftWatcher) -> None:
    poller = Poller(wired)
    async with asyncio.TaskGroup() as group:
        group.create_task(forever("looking at registries", poller.keep, 1.0))
        group.create_task(drift.act())
