"""Looks after runs that nobody carries: those of this worker's earlier lives, and those of workers that died elsewhere."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun

from deployments.worker import engine, recovery
from deployments.worker.identity import Identity
from tasks.run_signals import RunSignals

APART = 0.5
"""Seconds within which several workers that see the same dead one look again, one after the other."""

Dead = Callable[[], Awaitable[Collection[Identity]]]
"""The lives of workers that are known to be over."""


async def nobody() -> Collection[Identity]:
    """No worker is known to be dead: for one that is alone."""
    return ()


@dataclass(slots=True)
class Caretaker:
    """One worker's care for runs that were left.

    Attributes:
        identity: of this worker.
        carried: ids of the runs that this worker carries now.
        adopt: starts a run's code here with these marks.
        drop: stops a run's code here, because another worker has taken the run over.
        dead: which workers are dead.
    """

    client: PrefectClient
    work_pool: str
    identity: Identity
    carried: Callable[[], set[UUID]]
    adopt: Callable[[FlowRun, RunSignals], None]
    drop: Callable[[UUID], None]
    dead: Dead = nobody
    _strays: dict[UUID, UUID | None] = field(default_factory=dict)
    _buried: frozenset[Identity] = frozenset()

    async def look_for_dead(self) -> None:
        """Sweep at once when a worker is newly known to be dead."""
        dead = frozenset(await self.dead())
        if dead - self._buried:
            await asyncio.sleep(random.uniform(0, APART))
            await self.sweep(dead)
        self._buried = dead

    async def sweep(self, dead: Collection[Identity] | None = None) -> None:
        """Resume every run that was left; drop those that another worker carries now.

        A run that is ours and not carried may be on its way between two states: it has to be seen twice.
        """
        gone = set(await self.dead()) if dead is None else set(dead)
        before = self.carried()
        found = await recovery.under_way(self.client, self.work_pool)
        strays: dict[UUID, UUID | None] = {}
        for run, who in found:
            if who == self.identity:
                if run.id not in before | self.carried():
                    strays[run.id] = run.state_id
                    if self._strays.get(run.id, "") == run.state_id:
                        await self._resume(run)
            elif who.name == self.identity.name or who in gone:
                await self._resume(run)
            elif run.id in self.carried():
                engine.log.warning("%s is carried by %s now: it stops here", run.name, who)
                self.drop(run.id)
        self._strays = strays

    async def _resume(self, run: FlowRun) -> None:
        if run.id in self.carried() or not await recovery.still_left(self.client, run):
            return
        if (signals := await recovery.put_back(self.client, run)) is None:
            engine.log.warning("%s was left by %s: it goes on", run.name, run.infrastructure_pid)
        else:
            self.adopt(run, signals)
