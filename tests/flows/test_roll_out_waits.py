"""What a rollout waits for is written in its Canary, and no forward act is tried for ever: then the release goes home."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.routers import gateway_api
from sluice.errors import TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from tests import memory_cluster
from tests.connected import connected
from tests.flows.ordinary import at_weight, edit, message, release, status, weights
from tests.flows.test_roll_out_stopped import NEW, World, one_run
from tests.samples import NAME

pytestmark = pytest.mark.usefixtures("hurried")


async def test_a_gateway_whose_controller_reports_nothing_is_named_in_the_canary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The primary is not served by a route of which nobody knows; once the controller is there it goes on by itself."""
    monkeypatch.setattr(gateway_api, "ACKNOWLEDGED_WITHIN", 0.02)
    world, speaks = World(stops_at=0), memory_cluster.acknowledged
    monkeypatch.setattr(memory_cluster, "acknowledged", lambda route: {})
    async with asyncio.timeout(20), connected(world.cluster, "worker", **world.parts()):
        run = asyncio.create_task(one_run("initialise"))
        while "no controller has reported on it for Gateway edge/lab" not in message_or_nothing(world):
            await asyncio.sleep(0.01)
        assert status(world)["phase"] == Phase.INITIALIZING
        assert world.cluster.now("Deployment", NAME, "shop-test")["spec"]["replicas"] == 2, "its users are there still"
        monkeypatch.setattr(memory_cluster, "acknowledged", speaks)
        world.cluster.add(world.cluster.now("HTTPRoute", NAME, "shop-test"))  # it looks at what is there
        assert await run is Outcome.INITIALISED


def message_or_nothing(world: World) -> str:
    there = world.cluster.now("Canary", NAME, "shop-test").get("status")
    return message(world) if there else ""


@pytest.mark.parametrize("weight", [0, 10, 30])
async def test_a_forward_act_that_fails_for_now_again_and_again_takes_the_release_home_at_its_deadline(
    weight: int,
) -> None:
    """An admission webhook that is down, say: nobody would end it, and its share of the users meets it meanwhile."""
    world = World(stops_at=0)
    edit(world, {"progressDeadlineSeconds": 0.3})

    def refused(when: str, verb: str, item: dict[str, Any]) -> None:
        target = item["kind"] == "Deployment" and item["metadata"]["name"] == NAME
        if (when, verb) == ("before", "patch") and target and item["spec"]["replicas"]:
            raise TransientError('failed calling webhook "pods.example.test"')

    def lost(it: World) -> None:
        it.cluster.hooks.append(refused)
        target = it.cluster.now("Deployment", NAME, "shop-test")
        it.cluster.add({**target, "spec": {**target["spec"], "replicas": 0, "paused": False}})

    if weight:
        at_weight(world, weight, lost)
        assert await release(world) is Outcome.ROLLED_BACK
    else:
        async with connected(world.cluster, "worker", **world.parts()):
            await one_run("initialise")
            world.push(NEW)
            world.cluster.hooks.append(refused)
            assert await one_run("release") is Outcome.ROLLED_BACK
    assert weights(world) == [100, 0]
    assert message(world).endswith('scale up failed for 0.3 s: failed calling webhook "pods.example.test"')
