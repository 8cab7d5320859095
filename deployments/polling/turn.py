"""What one worker of several does for all: it asks registries, git servers and calendars, and puts back what drifted.

A Lease says whose turn it is (`blocks.leases.alone`). Those who stand by know what happens, by their own watches, and go on
where the one whose turn it is stops or dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from blocks.connections import Connections
from blocks.leases.alone import alone
from blocks.leases.lease import Lease
from deployments.polling.branches import Branches
from deployments.polling.calendars import Calendars
from deployments.polling.poller import Poller
from deployments.polling.sooner import Sooner
from deployments.supervision import forever

Work = Callable[[], Awaitable[None]]


async def in_turn(wired: Connections, also: Work, sooner: float = 0.0, git: float = 0.0) -> None:
    """Wait for this worker's turn, then poll, and do what else one worker does for all, until the turn is over.

    Args:
        wired: the connections of this process.
        also: what else is done in the turn.
        sooner: most seconds between two cheap looks at a registry; 0 for the intervals alone.
        git: the same of git servers.
    """
    await alone(turn_of(wired), partial(_look, wired, also, sooner, git))


def turn_of(wired: Connections) -> Lease:
    """The Lease by which the workers of an installation take turns."""
    name = f"sluice-turn-{wired.scope}".rstrip("-")
    return Lease(wired.cluster, wired.informers, wired.lease, wired.workers, name, wired.lease.namespace, "turn")


async def _look(wired: Connections, also: Work, sooner: float, git: float) -> None:
    poller, branches = Poller(wired, Sooner(sooner)), Branches(wired, git)
    async with asyncio.TaskGroup() as group:
        group.create_task(forever("looking at registries", poller.keep, 1.0))
        group.create_task(forever("asking git servers", branches.keep, 1.0))
        group.create_task(forever("reading calendars", Calendars(wired).keep, 1.0))
        group.create_task(forever("what one worker does for all", also, 1.0))
