"""What is waited for is this workload's pods, and every wait has an end that a retry does not put off."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from sluice.errors import TransientError
from sluice.manifests.flagger.side import Side
from tasks.rollout.scale_up import scale_up
from tasks.scene.ready_endpoints import until_endpoints_ready
from tasks.scene.rollout_ref import Scene
from tests.memory_cluster import MemoryServices
from tests.samples import NAME, NAMESPACE, deployment
from tests.tasks.conftest import NEW_IMAGE, Stage, staged

Object = dict[str, Any]


class Waiting:
    """A stage that only waits for a side's endpoints."""

    def __init__(self, side: Side, within: float = 0.05) -> None:
        self.side, self.within = side, within

    async def fn(self, ref: Any, decision: Any) -> None:
        scene = await Scene.of(ref)
        name = {Side.PRIMARY: scene.canary.primary}.get(self.side, scene.canary.target)
        workload = await scene.wired.informers.get(scene.kind, name, scene.canary.namespace)
        await until_endpoints_ready(scene, self.side, workload, self.within)


def neighbour(stage: Stage, image: str = "registry/worker:1") -> None:
    """Another Deployment whose pods have the target's label, and so are behind its Service."""
    labels: Object = {"app": NAME, "part": "worker"}
    own = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}
    stage.cluster.add(deployment(image, replicas=3, name="shop-worker", change={"spec": own}))


@pytest.mark.parametrize("image", ["registry/worker:1", "registry/worker:broken"], ids=["ready", "not ready"])
def test_another_workload_s_pods_with_the_same_label_are_not_waited_for(play: Any, image: str) -> None:
    """Nor do they stand in for this one's."""
    stage = staged(replicas=2, weight=0)
    stage.cluster.broken_images.add("registry/worker:broken")
    neighbour(stage, image)
    assert play(stage, scale_up).scaled


def test_another_workload_s_pods_do_not_stand_in_for_those_that_are_missing(play: Any) -> None:
    """Three strangers that are ready are no two pods of the canary."""
    stage = staged(replicas=2, weight=0)
    stage.cluster.broken_images.add(NEW_IMAGE)
    stage.push(NEW_IMAGE)
    neighbour(stage)
    with pytest.raises(TransientError, match=r"the canary's Service is not ready after .*: 0 of 2 pods are ready"):
        play(stage, Waiting(Side.CANARY))


def test_a_canary_is_not_late_because_its_watch_is(play: Any) -> None:
    """Its pods came in time, and nobody heard of it (a watch that hangs, a worker that was stopped for a while): who says
    that a time is over asks the API server first."""
    stage = staged({"progressDeadlineSeconds": 0.3}, replicas=0, weight=0)
    stage.cluster.broken_images.add(NEW_IMAGE)

    def heal() -> None:
        stage.cluster.broken_images.discard(NEW_IMAGE)
        unheard, stage.cluster.watchers = stage.cluster.watchers, []
        stage.cluster.add(stage.now("Deployment", NAME))
        stage.cluster.watchers = unheard

    def scaled(when: str, verb: str, item: Object) -> None:
        if (when, verb) == ("after", "patch"):
            stage.cluster.hooks.remove(scaled)
            asyncio.get_running_loop().call_later(0.1, heal)

    stage.cluster.hooks.append(scaled)
    assert play(stage, scale_up).scaled


def test_an_address_that_is_gone_is_waited_out(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that still routes to it would answer users with errors."""
    stage = staged(replicas=2)
    endpoints = MemoryServices.endpoints

    async def stale(self: MemoryServices, canary: Any, side: Side) -> frozenset[str]:
        return await endpoints(self, canary, side) | {"10.9.9.9"}

    monkeypatch.setattr(MemoryServices, "endpoints", stale)
    with pytest.raises(TransientError, match="1 addresses are offered that are gone or not ready"):
        play(stage, Waiting(Side.CANARY))


def test_a_process_that_stood_still_does_not_judge_by_what_it_knew_before(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped for longer than the wait, it wakes up with the time over and with what its watch had brought until then."""
    stage = staged(replicas=2)
    endpoints, known, asked = MemoryServices.endpoints, [], []

    async def late(self: MemoryServices, canary: Any, side: Side) -> frozenset[str]:
        known.append(side)
        if len(known) == 1:
            time.sleep(0.2)  # noqa: ASYNC251 - the whole process stands still
        return await endpoints(self, canary, side) if asked else frozenset()

    async def ask(self: MemoryServices, canary: Any, side: Side) -> None:
        asked.append(side)

    monkeypatch.setattr(MemoryServices, "endpoints", late)
    monkeypatch.setattr(MemoryServices, "ask_for_endpoints", ask)
    play(stage, Waiting(Side.CANARY))
    assert asked == [Side.CANARY]


def test_a_pod_is_offered_by_any_of_its_addresses(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Service of both families offers two for each pod, one of IPv6 alone another one than the pod's first."""
    stage = staged(replicas=2)
    six = {f"{NAME}-pod-{number}.ip": f"fd00::{number}" for number in range(2)}
    for pod in stage.cluster.pods(NAME, NAMESPACE):
        pod["status"]["podIPs"] = [{"ip": pod["status"]["podIP"]}, {"ip": six[pod["status"]["podIP"]]}]
    endpoints = MemoryServices.endpoints

    async def both(self: MemoryServices, canary: Any, side: Side) -> frozenset[str]:
        four = await endpoints(self, canary, side)
        return four | {six[one] for one in four}

    monkeypatch.setattr(MemoryServices, "endpoints", both)
    play(stage, Waiting(Side.CANARY))


def test_pods_of_two_revisions_are_not_ready(play: Any) -> None:
    """Who is routed there would meet one or the other."""
    stage = staged(replicas=2)
    first = stage.cluster.pods(NAME, NAMESPACE)[0]
    first["metadata"]["labels"]["pod-template-hash"] = "older"
    first["metadata"]["ownerReferences"][0]["name"] = f"{NAME}-older"
    with pytest.raises(TransientError, match="pods of an older revision"):
        play(stage, Waiting(Side.CANARY))


@pytest.mark.parametrize("what", ["pods", "endpoints"])
def test_the_deadline_does_not_begin_again_with_a_retry(
    play_often: Any, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Three tries of which each would have had its time: together they have had it, and the third says so at once."""
    stage = staged({"progressDeadlineSeconds": 30}, replicas=0, weight=0)
    clock = [0.0]
    monkeypatch.setattr("tasks.scene.waiting.monotonic", lambda: clock[0])

    async def nothing(self: MemoryServices, canary: Any, side: Side) -> frozenset[str]:
        return frozenset()

    if what == "pods":
        stage.cluster.broken_images.add(NEW_IMAGE)
    else:
        monkeypatch.setattr(MemoryServices, "endpoints", nothing)

    async def breaks(*args: Any, **kwargs: Any) -> Any:
        clock[0] += 16.0
        raise TransientError("the API server is away")

    async def tries(run: Any) -> Object:
        with monkeypatch.context() as away:
            away.setattr("tasks.scene.standing._Standing.reached", breaks)
            for _ in range(2):
                with pytest.raises(TransientError):
                    await run(scale_up)
        return await run(scale_up)

    result: Any = play_often(stage, tries)
    assert not result.scaled
    assert "after 32 s" in result.fault
