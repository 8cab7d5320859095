"""A worker that is stopped in the middle of any write, and wakes up after another one has carried the rollout to its end."""

from __future__ import annotations

import asyncio
import copy
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blocks.connections import connections
from blocks.gates.base import Answer
from blocks.kubernetes.kinds import CANARY
from blocks.routers.gateway_api import GatewayApiRouter
from blocks.services import Services
from flows import roll_out as story
from flows.rollout_run import RolloutRun
from sluice.errors import LostError, NotFoundError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.decision import Outcome, Seen
from tasks import run_signals
from tasks.measuring import step as judging
from tasks.rollout import finalise, initialise, promote, roll_back
from tasks.scene import rollout_ref
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import RolloutRef
from tests.connected import Provided, connected
from tests.memory_cluster import MemoryCluster, MemoryServices
from tests.samples import NAME, NAMESPACE, canary, canary_manifest, deployment, success_rate

OLD, NEW, NEWER = "registry/shop:1", "registry/shop:2", "registry/shop:3"
TEMPLATE = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "MetricTemplate",
    "metadata": {"name": "own", "namespace": NAMESPACE},
    "spec": {"provider": {"type": "prometheus"}, "query": "good"},
}
OWN = {"name": "own", "interval": "1m", "thresholdRange": {"min": 1}, "templateRef": {"name": "own"}}


class Offered(Services):
    """The real Services on a cluster whose pods are offered as soon as they are there."""

    async def endpoints(self, canary: Canary, side: Side) -> frozenset[str]:
        memory: Any = self.writer.cluster
        return await MemoryServices(memory).endpoints(canary, side)


@dataclass
class World:
    """A cluster, what the metrics say, and a worker that stops at its n-th passage of the gate."""

    stops_at: int
    good: bool = True
    compared: bool = False
    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    passages: int = 0

    def __post_init__(self) -> None:
        analysis: dict[str, Any] = {"interval": "0s", "metrics": [OWN], "threshold": 1}
        if self.compared:
            beside = {"metrics": [OWN, success_rate(99)], "comparison": {}, "onNoData": "pass"}
            analysis |= {"stepWeights": [10, 50], **beside}
        self.cluster.add(canary_manifest({"analysis": analysis}), deployment(OLD), TEMPLATE)

    def push(self, image: str) -> None:
        target = self.cluster.now("Deployment", NAME, NAMESPACE)
        self.cluster.add({**target, "spec": {**target["spec"], "template": deployment(image)["spec"]["template"]}})

    async def gate(self, when: str, item: dict[str, Any]) -> None:
        self.passages += 1
        if self.passages == self.stops_at:
            self.cluster.gate = None  # whoever comes next passes
            self.stopped.set()
            await self.woken.wait()

    def parts(self) -> dict[str, Any]:
        return {
            "router": lambda provider, writer: GatewayApiRouter(writer),
            "services": Offered,
            "metrics": Provided(self),
            "gates": self,
        }

    def now(self) -> float:
        return time.time()

    async def value(self, query: str) -> float:
        return 1.0 if self.good else 0.0

    async def samples(self, *asked: Any) -> list[Any]:
        return []  # nobody comes

    async def ask(self, webhook: Any, canary: Canary) -> Answer:
        return Answer(gate=webhook.name, open=True, said="open")

    def acted_on(self) -> dict[str, Any]:
        """All that a rollout may change, as it is; a baseline that is made late, without pods, is nothing."""
        of = ("Canary", "Deployment", "HTTPRoute")
        found = {key: copy.deepcopy(one) for key, one in self.cluster.objects.items() if key[0] in of}
        empty = [key for key, one in found.items() if key[2] == f"{NAME}-baseline" and not one["spec"]["replicas"]]
        return {str(key): one for key, one in found.items() if key not in empty}


async def one_run(name: str) -> Outcome:
    ref = RolloutRef(namespace=NAMESPACE, name=NAME)
    async with claimed(ref, name) as lease:
        run = await story.resumed(ref)
        run.cleaning = True
        await story._to_the_end(run, lease)
        await run.flush()
        assert run.outcome is not None
        return run.outcome


async def to_rest(name: str) -> None:
    turn = 0
    while await one_run(f"{name}-{turn}") not in {Outcome.UNCHANGED, Outcome.REFUSED}:
        turn += 1


async def happens(world: World, meanwhile: str) -> None:
    """The first worker stops, the second finds `meanwhile` and goes to the end, the first wakes up."""
    async with connected(world.cluster, "initialiser", **world.parts()):
        await one_run("initialise")
    world.push(NEW)
    world.cluster.gate = world.gate
    async with connected(world.cluster, "first", **world.parts()):
        worker = connections().lease
        stopped = asyncio.create_task(one_run("first"))
        waiting = asyncio.create_task(world.stopped.wait())
        await asyncio.wait({stopped, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if stopped.done():
            return
        await worker.give_up()  # to everybody else it is dead, and its own clock says so when it wakes up
        if meanwhile == "newer revision":
            world.push(NEWER)
        world.good = meanwhile != "bad news"
        async with connected(world.cluster, "second", **world.parts()):
            run_signals.bind(run_signals.RunSignals(cancelled=meanwhile == "cancel"))
            await to_rest("second")
        before = world.acted_on()
        world.woken.set()
        with suppress(NotFoundError):
            await worker.renew()  # others had cleared it away; the next one is a new one
        await worker.renew()
        with suppress(LostError):  # unless only the answer to its last write was missing
            await stopped
        assert world.acted_on() == before, "it moved something after another had taken over"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits: draining and pauses are tried on the lab."""
    for module in (roll_back, finalise, initialise, promote):
        monkeypatch.setattr(module, "DRAIN", 0)
    monkeypatch.setattr(story, "PAUSE", 0)
    monkeypatch.setattr(judging, "SEARCH", 0.001)
    monkeypatch.setattr(rollout_ref, "LEASE_LOOK", 0.01)
    monkeypatch.setattr(story, "get_run_logger", lambda: logging.getLogger("test"))


@example(7, "cancel", False)  # before its first shift: the other finds all traffic at home and has nothing to move
@example(15, "cancel", True)  # while it makes the baseline
@given(st.integers(1, 75), st.sampled_from(["nothing", "bad news", "newer revision", "cancel"]), st.booleans())
def test_a_worker_that_was_taken_over_from_moves_nothing_when_it_wakes_up(
    stops_at: int, meanwhile: str, compared: bool
) -> None:
    """Its write under way is refused, wherever it was, and it makes no other; with a baseline or without."""
    world = World(stops_at, compared=compared)
    asyncio.run(happens(world, meanwhile))
    route = world.cluster.now("HTTPRoute", NAME, NAMESPACE)
    assert [one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]] == [100, 0, 0][: 3 if compared else 2]
    resting = [one for key, one in world.cluster.objects.items() if key[0] == "Deployment" and "primary" not in key[2]]
    assert [one["spec"]["replicas"] for one in resting] == [0] * len(resting)


def test_a_canary_that_is_deleted_in_the_middle_of_its_release_lets_its_target_go() -> None:
    """The run ends by saying so, and whoever owns the Deployment can roll it out again."""
    world = World(stops_at=0)

    async def it() -> Outcome:
        async with connected(world.cluster, "worker", **world.parts()):
            await one_run("initialise")
            world.push(NEW)

            def deleted(when: str, verb: str, item: dict[str, Any]) -> None:
                if (when, item["kind"]) == ("after", "HTTPRoute"):
                    world.cluster.hooks.clear()
                    world.cluster.vanish(CANARY, NAME, NAMESPACE)

            world.cluster.hooks.append(deleted)
            return await one_run("release")

    assert asyncio.run(it()) is Outcome.DELETED
    target = world.cluster.now("Deployment", NAME, NAMESPACE)
    assert not target["spec"]["paused"]


async def test_a_takeover_that_is_cut_short_is_done_again_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker that takes over may be stopped or cut off too: nothing is done before the one before it is kept out."""
    done: list[str] = []
    trouble: list[Exception] = [LostError("stopped for too long"), TransientError("no answer")]

    async def fence_out(ref: RolloutRef) -> None:
        done.append("fence out")
        if trouble:
            raise trouble.pop(0)

    async def turn(run: RolloutRun) -> None:
        done.append("turn")
        run.outcome = Outcome.UNCHANGED

    monkeypatch.setattr(story, "fence_out", SimpleNamespace(fn=fence_out))
    monkeypatch.setattr(story, "_turn", turn)
    monkeypatch.setattr(story, "PAUSE", 0)
    ref = RolloutRef(namespace=NAMESPACE, name=NAME)
    lease: Any = SimpleNamespace(took_over=True, owned=True)
    await story._to_the_end(RolloutRun(ref, Seen("new", carries="new"), canary().spec.target_ref, cleaning=True), lease)
    assert done == ["fence out", "fence out", "fence out", "turn"]
