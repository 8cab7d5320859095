"""Which workers are dead, by their signs of life in the cluster, in the words of the runs that they carried."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field

from blocks.connections import Connections
from blocks.kubernetes.kinds import LEASE
from deployments.worker.identity import Identity
from sluice.errors import NotFoundError

REMEMBERED = 120.0
"""Seconds that the Lease of a dead worker is kept, so that every living one has seen it and resumed what it left."""


@dataclass(slots=True)
class DeadWorkers:
    """The dead, as this process sees them.

    Attributes:
        wired: the connections of this process.
        namespace: of the workers' Leases.
    """

    wired: Connections
    namespace: str
    clock: Callable[[], float] = time.monotonic
    _since: dict[str, float] = field(default_factory=dict)

    async def __call__(self) -> Collection[Identity]:
        """Which lives of which workers. Leases of those that have been dead for long are taken away."""
        dead = await self.wired.workers.dead(self.namespace)
        now = self.clock()
        self._since = {ref: self._since.get(ref, now) for ref in dead.values()}
        for ref, since in self._since.items():
            if now - since > REMEMBERED:
                namespace, _, name = ref.partition("/")
                with suppress(NotFoundError):
                    await self.wired.cluster.delete(LEASE, name, namespace)
        return {who for identity in dead if (who := named(identity))}


def named(identity: str) -> Identity | None:
    """The worker in a process's identity, `host/pid/start.life/name`; None where it is none.

    By its life: a pod of a StatefulSet starts again under the same name and process id, and is not the dead one.
    """
    parts = identity.split("/")
    life = parts[2].partition(".")[2] if len(parts) >= 4 else ""
    return Identity(parts[3], int(parts[1]), life) if life and parts[1].isdigit() else None
