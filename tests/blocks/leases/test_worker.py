"""A worker's sign of life: renewed through trouble, known to have run out before others may think so."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Any

import pytest

from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import LEASE
from blocks.leases import process_identity as identity_block
from blocks.leases import worker as block
from blocks.leases.process_identity import dead_on_this_host, process_identity
from blocks.leases.worker import WorkerLease, Workers, kept
from sluice.errors import ConflictError, NotFoundError, TerminalError, TransientError
from tests.memory_cluster import MemoryCluster

ELSEWHERE = "another-host/1/1/worker"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that this process sees."""
    at = [1000.0]
    monkeypatch.setattr(block, "now", lambda: at[0])
    return at


class Away(MemoryCluster):
    """A cluster whose writes stop working: they fail, or they hang."""

    trouble: BaseException | None = None
    hangs = False
    tries = 0

    async def replace(self, kind: Kind, manifest: dict[str, Any]) -> dict[str, Any]:
        self.tries += 1
        if self.hangs:
            await asyncio.sleep(3600)
        if self.trouble:
            raise self.trouble
        return await super().replace(kind, manifest)


def lease(cluster: MemoryCluster, identity: str = ELSEWHERE) -> WorkerLease:
    return WorkerLease(cluster, "test", identity)  # type: ignore[arg-type]


async def test_it_counts_from_before_the_renewal_was_sent(clock: list[float]) -> None:
    """Others count from its arrival: a renewal that took long does not make the holder believe longer than they do."""

    class Slow(MemoryCluster):
        async def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
            clock[0] += 3
            return await super().create(manifest)

    mine = lease(Slow())
    await mine.renew()
    clock[0] += block.DURATION - block.MARGIN - 3.1
    assert mine.valid
    clock[0] += 0.2
    assert not mine.valid


@pytest.mark.parametrize(
    ("trouble", "hangs"),
    [
        pytest.param(TransientError("away"), False, id="the API server is away"),
        pytest.param(TerminalError("forbidden"), False, id="the right to renew is gone"),
        pytest.param(None, True, id="the renewal hangs"),
    ],
)
async def test_trouble_is_outlived_and_a_gap_is_known(
    trouble: BaseException | None, hangs: bool, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    """It goes on renewing whatever happens; a short absence changes nothing, a long one starts a new epoch."""
    monkeypatch.setattr(block, "RENEWAL", 0.02)
    cluster = Away()
    async with kept(cluster, "test", ELSEWHERE) as mine:  # type: ignore[arg-type]
        await mine.until_valid()
        epoch = mine.epoch
        for gap, expected in ((5.0, epoch), (60.0, epoch + 1)):
            cluster.trouble, cluster.hangs = trouble, hangs
            tried = cluster.tries
            while cluster.tries < tried + 3:
                await asyncio.sleep(0.01)
            clock[0] += gap
            assert mine.valid == (gap < 10)
            cluster.hangs, cluster.trouble = False, None
            tried = cluster.tries
            while cluster.tries < tried + 3:
                await asyncio.sleep(0.01)
            await mine.until_valid()
            assert mine.epoch == expected


async def test_a_lease_that_somebody_deleted_is_a_gap(clock: list[float]) -> None:
    """To others the worker was dead from that moment on."""
    cluster = MemoryCluster()
    mine = lease(cluster)
    await mine.renew()
    await cluster.delete(LEASE, mine.name, "test")
    with pytest.raises(NotFoundError):
        await mine.renew()
    assert not mine.valid
    epoch = mine.epoch
    await mine.renew()
    assert (mine.valid, mine.epoch) == (True, epoch + 1)


async def test_a_lost_answer_is_no_gap(clock: list[float]) -> None:
    """Its own renewal, of which only the answer was lost, is not taken for somebody else's."""
    cluster = MemoryCluster()
    mine = lease(cluster)
    await mine.renew()
    await cluster.replace(LEASE, mine._body(await cluster.get(LEASE, mine.name, "test")))
    epoch = mine.epoch
    with pytest.raises(ConflictError):
        await mine.renew()
    await mine.renew()
    assert (mine.valid, mine.epoch) == (True, epoch)


async def test_others_are_judged_by_our_own_clock(clock: list[float]) -> None:
    """Dead is who was not seen to renew for the duration; first sight counts as a renewal; gone is dead."""
    cluster = MemoryCluster()
    other, workers = lease(cluster), Workers(cluster)  # type: ignore[arg-type]
    await other.renew()
    assert await workers.alive(ELSEWHERE, other.ref)
    assert await workers.dead() == {}
    clock[0] += block.DURATION - 1
    await other.renew()
    assert await workers.alive(ELSEWHERE, other.ref)
    clock[0] += block.DURATION - 1
    assert await workers.alive(ELSEWHERE, other.ref)
    clock[0] += 1.1
    assert not await workers.alive(ELSEWHERE, other.ref)
    assert await workers.dead() == {ELSEWHERE: other.ref}
    await other.renew()
    assert await workers.dead() == {}
    await other.give_up()
    clock[0] += 2 * block.LOOK
    assert not await workers.alive(ELSEWHERE, other.ref)


async def test_the_lease_of_a_worker_that_is_long_dead_is_cleared_away(clock: list[float]) -> None:
    """Every crash leaves one; a worker that was only stopped makes a new one and knows that it was taken for dead."""
    cluster = MemoryCluster()
    other, workers = lease(cluster), Workers(cluster)  # type: ignore[arg-type]
    await other.renew()
    await workers.dead()
    clock[0] += block.BURIAL
    assert await workers.dead() == {ELSEWHERE: other.ref}
    clock[0] += 1
    assert await workers.dead() == {ELSEWHERE: other.ref}
    assert await workers.dead() == {}
    assert await cluster.list(LEASE) == []
    epoch = other.epoch
    with pytest.raises(NotFoundError):
        await other.renew()
    await other.renew()
    assert other.epoch == epoch + 1


async def test_who_was_stopped_while_it_asked_does_not_take_others_for_dead(clock: list[float]) -> None:
    """The answer tells of the moment it was asked for, however late it is read."""

    class Stopped(MemoryCluster):
        stop = 0.0

        async def find(self, kind: Kind, name: str, namespace: str | None = None) -> dict[str, Any] | None:
            found = await super().find(kind, name, namespace)
            clock[0] += self.stop
            return found

    cluster = Stopped()
    other, workers = lease(cluster), Workers(cluster)  # type: ignore[arg-type]
    await other.renew()
    assert await workers.alive(ELSEWHERE, other.ref)
    clock[0] += block.LOOK
    cluster.stop = 60.0
    assert await workers.alive(ELSEWHERE, other.ref)
    cluster.stop = 0.0
    await other.renew()
    assert await workers.alive(ELSEWHERE, other.ref)


async def test_many_questions_about_one_worker_cost_one_request(clock: list[float]) -> None:
    """Hundreds of rollouts that wait for the same worker do not ask the API server each."""
    asked: list[str] = []

    class Asked(MemoryCluster):
        async def find(self, kind: Kind, name: str, namespace: str | None = None) -> dict[str, Any] | None:
            asked.append(name)
            return await super().find(kind, name, namespace)

    cluster = Asked()
    other, workers = lease(cluster), Workers(cluster)  # type: ignore[arg-type]
    await other.renew()
    for _ in range(100):
        assert await workers.alive(ELSEWHERE, other.ref)
    assert asked == [other.name]


def test_a_process_is_known_by_more_than_its_number() -> None:
    """A number that was given to another process later is not mistaken for the dead one."""
    me = process_identity("worker")
    host, pid, started, _ = me.split("/")
    assert not dead_on_this_host(me)
    assert dead_on_this_host(f"{host}/{pid}/{int(started) - 1}/worker")
    assert not dead_on_this_host(f"elsewhere/{pid}/1/worker"), "nothing is known of other hosts"
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        other = f"{host}/{child.pid}/{identity_block._started(child.pid)}/worker"
        assert not dead_on_this_host(other)
    assert dead_on_this_host(other)


def test_a_process_that_waits_only_to_be_buried_is_dead() -> None:
    """A zombie still has its number; it acts no more."""
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    host = process_identity("x").split("/")[0]
    identity = f"{host}/{child.pid}/{identity_block._started(child.pid)}/worker"
    child.kill()
    try:
        while not dead_on_this_host(identity):
            pass
    finally:
        child.communicate()


@pytest.mark.parametrize("identity", ["", "somebody", "a/b", "host/x/y/z"])
def test_identities_of_others_are_never_taken_for_dead(identity: str) -> None:
    """A holder that is no process of sluice's keeps its lease until it expires."""
    assert not dead_on_this_host(identity)
