"""Releases that stay where they are: promotions whose primary does not come up, and suspended Canaries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from tasks import run_signals
from tests.connected import connected
from tests.flows.ordinary import (
    PRIMARY,
    at_phase,
    at_weight,
    edit,
    message,
    refresh,
    release,
    users_are_served,
    weights,
)
from tests.flows.test_roll_out_stopped import NEW, NEWER, World, one_run

pytestmark = pytest.mark.usefixtures("hurried")


def stuck(world: World) -> None:
    """The primary does not come up with what it is given, and has no pods meanwhile (`Recreate`)."""
    world.cluster.unready.add(PRIMARY)


def mended(world: World) -> None:
    world.cluster.unready.clear()
    refresh(world, PRIMARY)


async def several(world: World, until: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not until():
            await asyncio.sleep(0.001)


async def promoting_with_a_stuck_primary(world: World) -> asyncio.Task[Outcome]:
    edit(world, {"progressDeadlineSeconds": 0.05})
    await one_run("initialise")
    world.push(NEW)
    users_are_served(world)
    at_phase(world, Phase.PROMOTING, stuck)
    run = asyncio.create_task(one_run("release"))
    await several(world, lambda: "did not come up" in message(world))
    return run


async def test_traffic_stays_on_the_judged_canary_until_the_primary_serves_although_a_newer_revision_came() -> None:
    """Only then the newer one begins: today's users are on today's pods."""
    world = World(stops_at=0)
    async with asyncio.timeout(20), connected(world.cluster, "worker", **world.parts()):
        run = await promoting_with_a_stuck_primary(world)
        world.push(NEWER)
        await several(world, lambda: message(world).startswith("traffic stays on the canary: the primary offers 0 of "))
        assert weights(world) == [0, 100]
        assert not run.done()
        mended(world)
        assert await run is Outcome.SUPERSEDED
        assert weights(world) == [100, 0]
        assert await one_run("newer") is Outcome.PROMOTED


async def test_so_it_is_where_the_worker_died_in_the_promotion() -> None:
    """The run of the newer revision finds it."""
    world = World(stops_at=0)
    async with connected(world.cluster, "first", **world.parts()) as wired:
        run = await promoting_with_a_stuck_primary(world)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await wired.lease.give_up()
        world.push(NEWER)
        async with connected(world.cluster, "second", **world.parts()):
            newer = asyncio.create_task(one_run("newer"))
            await several(world, lambda: message(world).startswith("traffic stays on the canary: "))
            assert weights(world) == [0, 100]
            mended(world)
            assert await newer is Outcome.PROMOTED
    assert weights(world) == [100, 0]


async def test_a_promotion_that_cannot_end_can_be_cancelled() -> None:
    """Home only where the primary is able to serve; else the Canary says why not, and the traffic stays."""
    world, signals = World(stops_at=0), run_signals.RunSignals()
    run_signals.bind(signals)
    async with asyncio.timeout(20), connected(world.cluster, "worker", **world.parts()):
        run = await promoting_with_a_stuck_primary(world)
        signals.cancelled = True
        await several(world, lambda: message(world).startswith("traffic stays on the canary: "))
        assert weights(world) == [0, 100]
        mended(world)
        assert await run is Outcome.ROLLED_BACK
    assert weights(world) == [100, 0]
    assert "cancelled by a person, for its promotion could not end" in message(world)


async def test_a_release_that_is_suspended_in_the_middle_stays_where_it_is() -> None:
    """Judged, and going on once nobody suspends it any more."""
    world = World(stops_at=0)
    at_weight(world, 30, lambda it: edit(it, {"suspend": True}))
    judged = 0

    async def counted(query: str) -> float:
        nonlocal judged
        judged += 1
        if judged == 5:
            assert weights(world) == [70, 30]
            edit(world, {"suspend": False})
        return 1.0

    world.value = counted  # type: ignore[method-assign]
    assert await release(world) is Outcome.PROMOTED
    assert judged > 5


async def test_bad_news_take_a_suspended_release_home() -> None:
    """It has users."""
    world = World(stops_at=0)

    def suspended(it: World) -> None:
        edit(it, {"suspend": True})
        it.good = False

    at_weight(world, 30, suspended)
    assert await release(world) is Outcome.ROLLED_BACK


async def test_a_new_canary_that_is_suspended_is_not_initialised() -> None:
    """As with Flagger, which does not look at it at all."""
    world = World(stops_at=0)
    edit(world, {"suspend": True})
    async with connected(world.cluster, "worker", **world.parts()):
        assert await one_run("initialise") is Outcome.SUSPENDED
        assert not [act for act in world.cluster.acts if "primary" in act]
        edit(world, {"suspend": False})
        assert await one_run("initialise") is Outcome.INITIALISED


async def test_analysis_that_is_switched_off_in_the_middle_promotes_at_once() -> None:
    """As with Flagger; by way of a canary that serves."""
    world = World(stops_at=0)
    at_weight(world, 10, lambda it: edit(it, {"skipAnalysis": True}))
    assert await release(world) is Outcome.PROMOTED
    assert not [act for act in world.cluster.acts if act.startswith("journal: Progressing 30")]
