"""One rollout at a time per Canary: exclusion, takeover, and noticing the loss."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import LEASE, NAMESPACE
from blocks.leases import lease as block
from blocks.leases import worker as worker_lease
from blocks.leases.lease import Lease, current_lease, owning
from blocks.leases.process_identity import process_identity
from blocks.leases.worker import WorkerLease, Workers
from sluice.errors import LostError, TransientError
from tests.memory_cluster import MemoryCluster

NAME = "sluice-shop"


@dataclass
class Ground:
    """A cluster with a namespace of this test's own."""

    cluster: Any
    namespace: str
    stack: AsyncExitStack

    async def worker(self, name: str) -> WorkerLease:
        """A living worker."""
        lease = WorkerLease(self.cluster, self.namespace, process_identity(name))
        await lease.renew()
        return lease

    async def lease(self, worker: WorkerLease, run: str = "run") -> Lease:
        """A lease of one run, as the worker's process sees the cluster."""
        seen = await self.stack.enter_async_context(informed(self.cluster, (self.namespace,)))
        return Lease(self.cluster, seen, worker, Workers(self.cluster), NAME, self.namespace, run)

    async def now(self) -> dict[str, Any]:
        return dict((await self.cluster.get(LEASE, NAME, self.namespace))["spec"])


@pytest.fixture(params=["memory", pytest.param("lab", marks=pytest.mark.lab)])
async def ground(request: pytest.FixtureRequest) -> AsyncIterator[Ground]:
    if request.param == "memory":
        async with AsyncExitStack() as stack:
            yield Ground(MemoryCluster(), "test", stack)
        return
    env = request.getfixturevalue("lab_env")
    real, namespace = await Cluster.connect(env["kubeconfig"], env["context"]), f"lease-{uuid4().hex[:6]}"
    await real.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    async with AsyncExitStack() as stack:
        yield Ground(real, namespace, stack)
    await real.delete(NAMESPACE, namespace)
    await real.close()


async def test_two_never_hold_it_at_once(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six runs of three workers take it in turns, many times; inside there is never more than one."""
    monkeypatch.setattr(block, "LOOK", 0.05)
    inside: list[str] = []
    turns: list[str] = []
    workers = [await ground.worker(f"w{number}") for number in range(3)]

    async def run(number: int) -> None:
        for turn in range(3):
            lease = await ground.lease(workers[number % 3], f"run-{number}-{turn}")
            async with owning(lease):
                inside.append(lease.identity)
                assert inside == [lease.identity]
                lease.check()
                await asyncio.sleep(0.002)
                inside.remove(lease.identity)
                turns.append(lease.identity)

    await asyncio.gather(*(run(number) for number in range(6)))
    assert len(turns) == 18


async def test_of_many_that_try_at_the_same_moment_one_gets_it(ground: Ground) -> None:
    """The first to be written wins, all others are told so: also where there was no lease before."""
    workers = [await ground.worker(f"w{number}") for number in range(4)]
    for _ in range(3):
        await ground.cluster.delete(LEASE, NAME, ground.namespace)
        many = [await ground.lease(one) for one in workers]
        assert sum(await asyncio.gather(*(one.try_claim() for one in many))) == 1


async def test_who_is_done_gives_it_back(ground: Ground) -> None:
    """The next one waits for nobody, and need not take over anything."""
    async with owning(await ground.lease(await ground.worker("a"))):
        pass
    next_ = await ground.lease(await ground.worker("b"))
    async with owning(next_):
        assert not next_.took_over


async def test_a_living_holder_keeps_it(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as its worker renews, however long the rollout takes, and whatever the clocks of the hosts say."""
    clock = [1000.0]
    monkeypatch.setattr(worker_lease, "now", lambda: clock[0])
    worker, other = await ground.worker("a"), await ground.lease(await ground.worker("b"))
    async with owning(await ground.lease(worker)):
        for _ in range(8):
            await other.worker.renew()
            assert not await other.try_claim()
            clock[0] += worker_lease.DURATION / 2
            await worker.renew()


async def test_a_silent_holder_loses_it_after_its_duration_and_not_before(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may only be slow: it keeps what it holds for as long as it was promised, counted by the others' clock."""
    clock = [1000.0]
    monkeypatch.setattr(worker_lease, "now", lambda: clock[0])
    silent = await ground.lease(await ground.worker("a"))
    assert await silent.try_claim()
    clock[0] += 100  # the other's first look comes late: what it sees then counts as renewed just then
    other = await ground.lease(await ground.worker("b"))
    assert not await other.try_claim()
    clock[0] += worker_lease.DURATION - 0.1
    await other.worker.renew()
    assert not await other.try_claim()
    assert not silent.owned, "it knows before anybody else may act"
    clock[0] += worker_lease.LOOK + 0.2
    assert await other.try_claim()
    assert other.took_over
    with pytest.raises(LostError):
        silent.check()


async def test_a_holder_that_has_just_come_back_keeps_what_it_regained(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it was found dead a moment ago is older than its new sign of life."""
    clock = [1000.0]
    monkeypatch.setattr(worker_lease, "now", lambda: clock[0])
    silent = await ground.lease(await ground.worker("a"))
    assert await silent.try_claim()
    other = await ground.lease(await ground.worker("b"))
    assert not await other.try_claim()
    clock[0] += worker_lease.DURATION + 0.5
    await other.worker.renew()
    ref = silent.worker.ref
    assert not await other.workers.alive(silent.identity, ref)
    clock[0] += worker_lease.LOOK / 2
    await silent.worker.renew()
    await silent.regain()
    await other.informers.fresh(LEASE, NAME, ground.namespace)
    assert not await other.try_claim()
    assert silent.owned


async def test_a_worker_that_is_gone_is_taken_over_at_once(ground: Ground) -> None:
    """Who stopped took its sign of life away: nobody waits for it."""
    worker = await ground.worker("a")
    gone = await ground.lease(worker)
    assert await gone.try_claim()
    await worker.give_up()
    other = await ground.lease(await ground.worker("b"))
    assert await other.try_claim()
    assert other.took_over
    assert (await ground.now())["leaseTransitions"] == 2


async def test_after_a_gap_a_run_goes_on_only_where_nobody_took_over(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was stopped for too long asks for each of its leases before it acts again."""
    clock = [1000.0]
    monkeypatch.setattr(worker_lease, "now", lambda: clock[0])
    worker = await ground.worker("a")
    stopped = await ground.lease(worker)
    assert await stopped.try_claim()
    clock[0] += 60
    await worker.renew()
    assert not stopped.owned, "it renewed, and yet others may have acted"
    await stopped.regain()
    stopped.check()
    assert stopped.token.endswith("/1"), "nobody else held it in between"
    clock[0] += 60
    other = await ground.lease(await ground.worker("b"))
    assert not await other.try_claim()
    clock[0] += worker_lease.DURATION + 1
    await other.worker.renew()
    assert await other.try_claim()
    await worker.renew()
    with pytest.raises(LostError, match="claimed by"):
        await stopped.regain()
    assert (await ground.now())["holderIdentity"] == other.identity


async def test_a_lease_that_was_lost_is_not_given_back(ground: Ground) -> None:
    """Whoever has it now keeps it."""
    first, second = await ground.worker("a"), await ground.lease(await ground.worker("b"))
    async with owning(await ground.lease(first)):
        await first.give_up()
        assert await second.try_claim()
    assert (await ground.now())["holderIdentity"] == second.identity


async def test_a_lease_that_was_deleted_is_claimed_before_the_watch_says_so(ground: Ground) -> None:
    """What is known of it is a moment old; that is no reason for a run to fail."""
    mine = await ground.lease(await ground.worker("a"))
    async with owning(mine):
        known = await mine.informers.get(LEASE, NAME, ground.namespace)
    await ground.cluster.delete(LEASE, NAME, ground.namespace)
    mine.informers.learn(LEASE, {**known, "metadata": {**known["metadata"], "resourceVersion": str(10**12)}})
    assert await mine.informers.find(LEASE, NAME, ground.namespace)
    assert await mine.try_claim()
    assert (await ground.now())["holderIdentity"] == mine.identity


async def test_a_run_that_was_stopped_goes_on_where_its_lease_was_deleted_meanwhile(ground: Ground) -> None:
    """Nobody has claimed it: it is made once more, and the run goes on."""
    worker = await ground.worker("a")
    mine = await ground.lease(worker)
    async with owning(mine):
        await ground.cluster.delete(LEASE, NAME, ground.namespace)
        await mine.regain()
        assert (await ground.now())["holderIdentity"] == mine.identity


async def test_a_lease_that_names_somebody_else_is_lost_whatever_our_own_clock_says(ground: Ground) -> None:
    """A worker in good health whose lease was taken all the same stops: the Lease decides."""
    mine = await ground.lease(await ground.worker("a"))
    async with owning(mine):
        kept = await ground.cluster.get(LEASE, NAME, ground.namespace)
        kept["spec"]["holderIdentity"] = "somebody"
        mine.informers.learn(LEASE, await ground.cluster.replace(LEASE, kept))
        with pytest.raises(LostError):
            mine.check()
        with pytest.raises(LostError, match="claimed by somebody"):
            await mine.regain()


async def test_runs_of_one_process_exclude_each_other_also_after_it_was_stopped(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process knows of its own runs whether they act; it does not judge itself by signs of life it could not give."""
    clock = [1000.0]
    monkeypatch.setattr(worker_lease, "now", lambda: clock[0])
    worker = await ground.worker("a")
    acting, waiting = await ground.lease(worker, "first"), await ground.lease(worker, "second")
    async with owning(acting):
        assert not await waiting.try_claim()
        clock[0] += 60
        await worker.renew()
        assert not await waiting.try_claim()
        await acting.regain()
    await waiting.informers.fresh(
        LEASE, NAME, ground.namespace
    )  # this test's two views of the cluster do not know of each other
    assert await waiting.try_claim()


async def test_a_lease_that_cannot_be_given_back_at_once_blocks_nobody_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next run of this process takes it at once, others as soon as it could be written."""
    monkeypatch.setattr(block, "RENEWAL", 0.03)

    class Throttled(MemoryCluster):
        failures = 0

        async def replace(self, kind: Kind, manifest: dict[str, Any]) -> dict[str, Any]:
            if manifest["metadata"]["name"] == NAME and self.failures:
                self.failures -= 1
                raise TransientError("429")
            return await super().replace(kind, manifest)

    async with AsyncExitStack() as stack:
        cluster = Throttled()
        ground = Ground(cluster, "test", stack)
        worker, other = await ground.worker("a"), await ground.lease(await ground.worker("b"))
        async with owning(await ground.lease(worker, "first")):
            cluster.failures = 3
        assert not await other.try_claim()
        async with owning(await ground.lease(worker, "second")):
            assert not await other.try_claim()
            cluster.failures = 3
        async with asyncio.timeout(10):
            while not await other.try_claim():
                await asyncio.sleep(0.01)


async def test_waiting_survives_a_cluster_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the lease goes on waiting while the API server restarts."""
    monkeypatch.setattr(block, "LOOK", 0.01)

    class Away(MemoryCluster):
        failures = 3

        async def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
            if manifest["metadata"]["name"] == NAME and self.failures:
                self.failures -= 1
                raise TransientError("away")
            return await super().create(manifest)

    async with AsyncExitStack() as stack:
        ground = Ground(Away(), "test", stack)
        async with owning(await ground.lease(await ground.worker("a"))) as lease:
            lease.check()


async def test_a_stage_finds_the_lease_of_its_own_run() -> None:
    """Two rollouts in one process do not act under each other's right; outside of any there is none."""
    with pytest.raises(LostError, match="holds no lease"):
        current_lease()
    async with AsyncExitStack() as stack:
        ground = Ground(MemoryCluster(), "test", stack)
        worker = await ground.worker("a")

        async def run(name: str) -> None:
            seen = await stack.enter_async_context(informed(ground.cluster))
            lease = Lease(ground.cluster, seen, worker, Workers(ground.cluster), name, "test", name)
            async with owning(lease):
                await asyncio.sleep(0.01)
                assert current_lease() is lease
                await asyncio.create_task(still(lease))

        async def still(lease: Lease) -> None:
            assert current_lease() is lease

        await asyncio.gather(*(run(f"run-{number}") for number in range(5)))
