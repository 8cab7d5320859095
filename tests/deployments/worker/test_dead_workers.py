"""Which workers are dead, by their Leases: by life, since a name and a process id come again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from blocks.connections import Connections
from blocks.leases import worker as block
from blocks.leases.process_identity import dead_on_this_host, process_identity
from blocks.leases.worker import WorkerLease, Workers
from deployments.worker.dead_workers import DeadWorkers, named
from deployments.worker.identity import Identity
from tests.memory_cluster import MemoryCluster


@dataclass
class Wired:
    """The two connections that are asked."""

    cluster: MemoryCluster
    workers: Workers


def identity(life: str) -> str:
    """Of a pod on another host: its process is the first of its container, its start the same hundredth of a second."""
    return f"sluice-0.b00t.1/1/100.{life}/sluice-0"


async def test_a_pod_that_starts_again_under_its_name_and_process_id_is_not_the_dead_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its peers leave its runs alone; those of its earlier life go on."""
    at = [1000.0]
    monkeypatch.setattr(block, "now", lambda: at[0])
    cluster = MemoryCluster()
    workers = Workers(cluster)  # type: ignore[arg-type]
    dead = DeadWorkers(cast(Connections, Wired(cluster, workers)), "test", clock=lambda: at[0])
    earlier = WorkerLease(cluster, "test", identity("earlier"))  # type: ignore[arg-type]
    await earlier.renew()
    assert await dead() == set()
    at[0] += block.DURATION + 1
    later = WorkerLease(cluster, "test", identity("later"))  # type: ignore[arg-type]
    await later.renew()
    assert await dead() == {Identity("sluice-0", 1, "earlier")}
    for _ in range(40):
        at[0] += 3
        await later.renew()
        assert Identity("sluice-0", 1, "later") not in await dead()
    assert await dead() == set(), "the Lease of the dead one is cleared away"


def test_a_process_is_known_by_its_life() -> None:
    """What a worker writes on its runs is what its Lease says."""
    me = Identity.new("a.b")
    assert named(process_identity("a.b", me.life)) == me
    assert not dead_on_this_host(process_identity("a.b", me.life))


@pytest.mark.parametrize("text", ["", "host", "host/1/2/name", "host/x/2.life/name", "somebody"])
def test_what_has_no_life_is_nobody(text: str) -> None:
    """A holder that is written otherwise is not guessed at."""
    assert named(text) is None
