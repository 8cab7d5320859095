"""A Canary whose provider is changed at rest: its new route has the users, and the old one divides nobody any more."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from blocks.routers import ROUTERS, other_routers, router_for
from blocks.routers.memory import MemoryRouter
from deployments.keeper.keeper import Keeper
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Action, Decision
from sluice.rollout.tending.finalizer import FINALIZER
from tasks.rollout.begin import begin
from tasks.rollout.initialise import initialise
from tasks.scene.claim import claimed
from tests.connected import connected
from tests.deployments.keeper.test_keeper import quiet, weight
from tests.samples import NAME, NAMESPACE
from tests.tasks.conftest import Stage
from tests.tasks.rollout.test_going_forward import fresh
from tests.tasks.scene.test_tend import at_rest

KEY = (NAMESPACE, NAME)


class Counting(MemoryRouter):
    """One that knows how often it had to let go."""

    released = 0

    async def release(self, canary: Any) -> None:
        self.released += 1
        await super().release(canary)


def parts(own: MemoryRouter) -> dict[str, Any]:
    """The connections of an installation with a router of its own, whose route is no Service either."""
    rows = {**ROUTERS, "acme": lambda writer: own}
    routers = {"router": partial(router_for, rows=rows), "others": partial(other_routers, rows=rows)}
    return {**routers, "metrics": None, "gates": None}


async def kept(stage: Stage, own: MemoryRouter) -> None:
    """A process with a keeper has looked at it."""
    async with asyncio.timeout(20), connected(stage.cluster, **parts(own)) as wired:
        keeper = Keeper.of(wired)
        task = asyncio.create_task(keeper.keep())
        await quiet(keeper)
        task.cancel()


async def played(stage: Stage, own: MemoryRouter, task: Any) -> None:
    async with asyncio.timeout(20), connected(stage.cluster, **parts(own)), claimed(stage.ref, "run"):
        await task.fn(stage.ref, Decision(Action.BEGIN))


async def begun_with(provider: str, own: MemoryRouter) -> Stage:
    """At rest, with its route, after a release that was begun with that provider."""
    stage = at_rest()
    kept_of_spec = {"provider": provider, "targetRef": stage.now("Canary", NAME)["spec"]["targetRef"]}
    stage.change("Canary", NAME, {"spec": {"provider": provider}, "status": {"begunWith": kept_of_spec}})
    await kept(stage, own)
    return stage


@pytest.mark.parametrize("then", ["gatewayapi:v1", "kubernetes"])
async def test_from_one_kind_of_route_to_another_the_old_one_lets_go_once(then: str) -> None:
    """Else users who come by it stay divided as they were, and meet no canary or a promotion's empty primary."""
    own = Counting()
    stage = await begun_with("acme", own)
    assert own.weights == {KEY: 0}
    stage.change("Canary", NAME, {"spec": {"provider": then, "analysis": {"stepWeights": [], "iterations": 3}}})
    await kept(stage, own)
    asked = own.released
    assert (own.weights, asked > 0) == ({}, True)
    await kept(stage, own)
    assert own.released == asked
    assert stage.status["begunWith"]["provider"] == then
    stage.change("Canary", NAME, {"spec": {"provider": "acme"}})
    await kept(stage, own)
    assert own.weights == {KEY: 0}
    if then != "kubernetes":
        (rule,) = stage.now("HTTPRoute", NAME)["spec"]["rules"]
        assert {one["name"]: one["weight"] for one in rule["backendRefs"]} == {NAME: 100}


async def test_another_name_of_the_same_provider_changes_nothing_for_its_users() -> None:
    """`gatewayapi` and `gatewayapi:v1` have one route."""
    stage = await begun_with("gatewayapi", Counting())
    before = stage.now("HTTPRoute", NAME)["spec"]
    stage.change("Canary", NAME, {"spec": {"provider": "gatewayapi:v1"}})
    stage.acts.clear()
    await kept(stage, Counting())
    assert stage.now("HTTPRoute", NAME)["spec"] == before
    assert not [act for act in stage.acts if "HTTPRoute" in act or "Service" in act]


async def test_a_release_that_comes_with_the_change_finds_the_new_route() -> None:
    """Both are in one commit, and the run is quicker than the keeper: nobody would ask the old router again."""
    own = Counting()
    stage = await begun_with("acme", own)
    stage.change("Canary", NAME, {"spec": {"provider": "gatewayapi:v1"}})
    stage.push()
    stage.ref = stage.ref.model_copy(update={"revision": "new", "version": "1.2.0"})
    await played(stage, own, begin)
    assert (own.weights, weight(stage)) == ({}, 0)
    assert stage.status["phase"] == Phase.PROGRESSING


async def test_in_the_middle_of_a_release_the_old_route_keeps_its_users() -> None:
    """It goes home by the names that it was begun by."""
    own = Counting()
    stage = await begun_with("acme", own)
    own.weights[KEY] = 30
    stage.change("Canary", NAME, {"status": {"phase": Phase.PROGRESSING, "canaryWeight": 30}})
    stage.change("Canary", NAME, {"spec": {"provider": "gatewayapi:v1"}})
    await kept(stage, own)
    assert (own.weights, own.released) == ({KEY: 30}, 0)


async def test_a_canary_that_was_never_released_knows_what_it_was_routed_by() -> None:
    """Its users came by the first provider from the start."""
    own, stage = Counting(), fresh()
    stage.change("Canary", NAME, {"spec": {"provider": "acme"}})
    await played(stage, own, initialise)
    assert stage.status["begunWith"]["provider"] == "acme"
    stage.change("Canary", NAME, {"spec": {"provider": "gatewayapi:v1"}})
    await kept(stage, own)
    assert own.weights == {}


async def test_a_canary_that_goes_right_after_the_change_leaves_neither_route() -> None:
    """Its users come by the apex Service then, whatever they came by before."""
    own = Counting()
    stage = await begun_with("acme", own)
    going = {"finalizers": [FINALIZER], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    stage.change("Canary", NAME, {"spec": {"provider": "kubernetes", "revertOnDeletion": True}, "metadata": going})
    await kept(stage, own)
    assert own.weights == {}
    assert stage.status["phase"] == Phase.TERMINATED
