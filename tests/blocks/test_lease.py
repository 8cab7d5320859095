"""One rollout at a time per Canary: exclusion, takeover, and noticing the loss."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from blocks import lease as block
from blocks.cluster import Cluster, Kind
from blocks.kinds import LEASE, NAMESPACE
from blocks.lease import Lease, dead_on_this_host, held, process_identity
from sluice.errors import TerminalError, TransientError
from tests.memory_cluster import MemoryCluster

DEAD = process_identity("x").split("/")[0] + "/999999999/1/worker"
ELSEWHERE = "another-host/1/1/worker"


@pytest.fixture(params=["memory", pytest.param("lab", marks=pytest.mark.lab)])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Any, str]]:
    """A cluster and a namespace of this test's own."""
    if request.param == "memory":
        yield MemoryCluster(), "test"
        return
    env = request.getfixturevalue("lab_env")
    real, namespace = await Cluster.connect(env["kubeconfig"], env["context"]), f"lease-{uuid4().hex[:6]}"
    await real.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    yield real, namespace
    await real.delete(NAMESPACE, namespace)
    await real.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease that runs out after a second."""
    monkeypatch.setattr(block, "DURATION", 1.0)
    monkeypatch.setattr(block, "RENEWAL", 0.3)
    monkeypatch.setattr(block, "WAIT", 0.01)


async def test_two_never_hold_it_at_once(cluster: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Six holders take it in turns, many times; inside there is never more than one."""
    monkeypatch.setattr(block, "WAIT", 0.005)
    inside: list[str] = []
    turns: list[str] = []

    async def worker(name: str) -> None:
        for _ in range(5):
            async with held(*args(cluster), f"{process_identity(name)}/run"):
                inside.append(name)
                assert inside == [name]
                await asyncio.sleep(0.002)
                inside.remove(name)
                turns.append(name)

    await asyncio.gather(*(worker(f"w{number}") for number in range(6)))
    assert len(turns) == 30


async def test_of_many_that_try_at_the_same_moment_one_gets_it(cluster: tuple[Any, str]) -> None:
    """The first to be written wins, all others are told so: also where there was no lease before."""
    for _ in range(5):
        await cluster[0].delete(LEASE, "sluice-shop", cluster[1])
        many = [Lease(*args(cluster), process_identity(f"w{number}")) for number in range(8)]
        assert sum(await asyncio.gather(*(one.try_take() for one in many))) == 1


async def test_the_lease_of_a_dead_process_is_taken_at_once(cluster: tuple[Any, str]) -> None:
    """Nobody waits for a process of this host that is known to be gone."""
    assert await Lease(*args(cluster), DEAD).try_take()
    mine = Lease(*args(cluster), process_identity("me"))
    assert await mine.try_take()
    kept = await cluster[0].get(LEASE, "sluice-shop", cluster[1])
    assert kept["spec"]["leaseTransitions"] == 1


@pytest.mark.usefixtures("hurried")
async def test_the_lease_of_a_silent_holder_is_taken_after_its_duration_and_not_before(
    cluster: tuple[Any, str],
) -> None:
    """A holder elsewhere may only be slow: it keeps the lease for as long as it was promised."""
    assert await Lease(*args(cluster), ELSEWHERE).try_take()
    kept = await cluster[0].get(LEASE, "sluice-shop", cluster[1])
    kept["spec"]["leaseDurationSeconds"] = 1
    await cluster[0].replace(LEASE, kept)
    mine, loop = Lease(*args(cluster), process_identity("me")), asyncio.get_running_loop()
    first = loop.time()
    assert not await mine.try_take()
    while not await mine.try_take():
        await asyncio.sleep(0.05)
    assert loop.time() - first > 1.0


async def test_a_holder_that_renews_keeps_it_for_ever(cluster: tuple[Any, str]) -> None:
    """Every renewal starts the others' clocks anew, whatever the clocks of the hosts say."""
    holder, other = Lease(*args(cluster), ELSEWHERE), Lease(*args(cluster), process_identity("me"))
    assert await holder.try_take()
    for _ in range(3):
        assert not await other.try_take()
        other._seen_at -= block.DURATION + 1
        assert await holder.renew()
    assert not await other.try_take()


async def test_who_is_done_gives_it_back(cluster: tuple[Any, str]) -> None:
    """The next one waits for nobody."""
    async with held(*args(cluster), ELSEWHERE):
        pass
    assert await Lease(*args(cluster), process_identity("me")).try_take()


@pytest.mark.usefixtures("hurried")
async def test_a_lease_that_somebody_else_took_is_noticed_as_lost(cluster: tuple[Any, str]) -> None:
    """Whoever was replaced learns it with its next renewal, and does not take the lease back from its new holder."""
    async with held(*args(cluster), process_identity("me")) as lease:
        kept = await cluster[0].get(LEASE, "sluice-shop", cluster[1])
        kept["spec"]["holderIdentity"] = ELSEWHERE
        await cluster[0].replace(LEASE, kept)
        await asyncio.wait_for(lease.lost.wait(), 20)
    kept = await cluster[0].get(LEASE, "sluice-shop", cluster[1])
    assert kept["spec"]["holderIdentity"] == ELSEWHERE


class Away(MemoryCluster):
    """A cluster whose writes stop working: they fail, or they hang."""

    trouble: BaseException | None = None
    hangs = False

    async def replace(self, kind: Kind, manifest: dict[str, Any]) -> dict[str, Any]:
        if self.hangs:
            await asyncio.sleep(3600)
        if self.trouble:
            raise self.trouble
        return await super().replace(kind, manifest)


@pytest.mark.parametrize(
    ("trouble", "hangs"),
    [
        pytest.param(TransientError("away"), False, id="the API server is away"),
        pytest.param(TerminalError("forbidden"), False, id="the right to renew is gone"),
        pytest.param(None, True, id="the renewal hangs"),
    ],
)
@pytest.mark.usefixtures("hurried")
async def test_who_cannot_renew_knows_it_has_lost_before_anybody_else_may_take_it(
    trouble: BaseException | None, hangs: bool
) -> None:
    """Lost is set while the lease still has time to run, also where a call never returns."""
    cluster, loop = Away(), asyncio.get_running_loop()
    async with held(cluster, "sluice-shop", "test", process_identity("me")) as lease:  # type: ignore[arg-type]
        began = loop.time()
        cluster.trouble, cluster.hangs = trouble, hangs
        await asyncio.wait_for(lease.lost.wait(), 20)
        cluster.hangs, cluster.trouble = False, None
        other = Lease(cluster, "sluice-shop", "test", ELSEWHERE)  # type: ignore[arg-type]
        assert not await other.try_take() or loop.time() - began >= block.DURATION


async def test_a_short_absence_of_the_cluster_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A renewal that fails is tried again while there is time."""
    monkeypatch.setattr(block, "RENEWAL", 0.02)
    cluster = Away()
    async with held(cluster, "sluice-shop", "test", process_identity("me")) as lease:  # type: ignore[arg-type]
        cluster.trouble = TransientError("away")
        await asyncio.sleep(0.1)
        cluster.trouble = None
        await asyncio.sleep(0.1)
        assert not lease.lost.is_set()


async def test_waiting_survives_a_cluster_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the lease goes on waiting while the API server restarts."""
    monkeypatch.setattr(block, "WAIT", 0.01)
    cluster, failures = MemoryCluster(), [TransientError("away")] * 3

    def fail(when: str, verb: str, item: dict[str, Any]) -> None:
        if failures:
            raise failures.pop()

    cluster.hooks.append(fail)
    async with held(cluster, "sluice-shop", "test", process_identity("me")) as lease:  # type: ignore[arg-type]
        assert lease.holder == process_identity("me")


def test_a_process_is_known_by_more_than_its_number() -> None:
    """A number that was given to another process later is not mistaken for the dead one."""
    me = process_identity("worker")
    host, pid, started, _ = me.split("/")
    assert not dead_on_this_host(me)
    assert dead_on_this_host(f"{host}/{pid}/{int(started) - 1}/worker")
    assert not dead_on_this_host(f"elsewhere/{pid}/1/worker"), "nothing is known of other hosts"
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        other = f"{host}/{child.pid}/{block._started(child.pid)}/worker"
        assert not dead_on_this_host(other)
    assert dead_on_this_host(other)


@pytest.mark.parametrize("identity", ["", "somebody", "a/b", "host/x/y/z"])
def test_identities_of_others_are_never_taken_for_dead(identity: str) -> None:
    """A holder that is no process of sluice's keeps its lease until it expires."""
    assert not dead_on_this_host(identity)


def args(cluster: tuple[Any, str]) -> tuple[Any, str, str]:
    return cluster[0], "sluice-shop", cluster[1]
