"""The table of stages: each row is a stage, each decision has one, and installed packages' stages keep their place."""

from __future__ import annotations

import logging
import typing
from collections.abc import Awaitable, Callable
from inspect import signature
from typing import Any

import pytest
from prefect import Task, task

from flows import roll_out as story
from sluice.errors import LostError, StaleError, TerminalError, TransientError
from sluice.rollout.decision import Action, Decision, Outcome
from sluice.rollout.result import StageResult
from tasks.rollout.table import STAGES, OwnStage, fits, row_of, with_own_stages
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage
from tests.connected import connected
from tests.flows.test_roll_out_stopped import NEW, World, one_run
from tests.samples import NAME, NAMESPACE

FORWARD = {Action.ASK_GATE, Action.SCALE_UP, Action.SHIFT, Action.ANALYSE}
OUTSIDE = {Action.WAIT, Action.END}
"""What touches nothing outside the run, and so has no stage."""
Body = Callable[[RolloutRef, Decision], Awaitable[StageResult]]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow's loop without Prefect around it."""
    monkeypatch.setattr(story, "PAUSE", 0)
    monkeypatch.setattr(story, "get_run_logger", lambda: logging.getLogger("test"))


def own(body: Body, before: Action = Action.SHIFT) -> OwnStage:
    return OwnStage(before, stage("own", delays=[])(body))


async def released(world: World, *stages: OwnStage) -> Outcome:
    """A Canary that is initialised, and then released with these stages."""
    async with connected(world.cluster, "worker", **world.parts()):
        await one_run("initialise")
        world.push(NEW)
        world.cluster.acts.clear()
        with with_own_stages(stages):
            return await one_run("release")


def shifts(world: World) -> list[str]:
    """What was done to the route and by own stages, in order."""
    return [one for one in world.cluster.acts if one.startswith(("own", "patch HTTPRoute"))]


@pytest.mark.parametrize("action", STAGES)
def test_every_row_is_a_task_that_is_given_what_to_act_on_and_says_what_came_of_it(action: Action) -> None:
    """One signature: the flow runs whatever was decided without knowing what it is."""
    row = STAGES[action]
    assert isinstance(row.stage, Task)
    assert list(signature(row.stage.fn).parameters) == ["ref", "decision"]
    hints = typing.get_type_hints(row.stage.fn)
    assert (hints["ref"], hints["decision"], hints["return"]) == (RolloutRef, Decision, StageResult)


def test_whatever_can_be_decided_has_a_row_or_touches_nothing() -> None:
    """A decision that nobody carries out would be decided for ever."""
    assert set(Action) - set(STAGES) == OUTSIDE


def test_only_what_brings_a_revision_closer_to_users_is_forward() -> None:
    """The final failure of these is a reason to roll back; of a promotion or a rollback it is none."""
    assert {action for action, row in STAGES.items() if row.forward} == FORWARD


@pytest.mark.parametrize("before", sorted(FORWARD - {Action.ASK_GATE}))
async def test_an_own_stage_runs_right_before_its_action_each_time(before: Action) -> None:
    """It is given the decision that it comes before, and the release goes its way."""
    world, seen = World(stops_at=0), []

    async def watched(ref: RolloutRef, decision: Decision) -> StageResult:
        scene = await Scene.of(ref)
        seen.append((decision.action, await scene.router.weight(scene.canary)))
        return StageResult()

    assert await released(world, own(watched, before)) is Outcome.PROMOTED
    assert {action for action, _ in seen} == {before}
    weights = {Action.SCALE_UP: [0], Action.SHIFT: [0, 10, 30], Action.ANALYSE: [10, 30, 60]}
    assert [weight for _, weight in seen] == weights[before]


async def test_own_stages_of_one_action_run_one_after_another() -> None:
    """In the order in which they were handed in, each before the route is touched."""
    world = World(stops_at=0)

    def named(name: str) -> OwnStage:
        async def body(ref: RolloutRef, decision: Decision) -> StageResult:
            world.cluster.acts.append(f"own {name}")
            return StageResult()

        return own(body)

    assert await released(world, named("one"), named("two")) is Outcome.PROMOTED
    assert shifts(world)[:6] == ["own one", "own two", "patch HTTPRoute shop"] * 2


def faulty() -> Body:
    async def body(ref: RolloutRef, decision: Decision) -> StageResult:
        return StageResult(fault="the cache is cold")

    return body


def breaking(error: Exception) -> Body:
    async def body(ref: RolloutRef, decision: Decision) -> StageResult:
        raise error

    return body


def wordless() -> Any:
    async def body(ref: RolloutRef, decision: Decision) -> None:
        return None

    return body


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (faulty(), "the cache is cold"),
        (breaking(TerminalError("no such service")), "no such service"),
        (breaking(ZeroDivisionError("oh")), "'own' broke: ZeroDivisionError('oh'): mend its package"),
        (wordless(), "'own' gave NoneType where a StageResult is needed"),
    ],
    ids=["fault", "terminal", "bug", "no result"],
)
async def test_what_an_own_stage_finds_wrong_rolls_the_release_back(body: Body, reason: str) -> None:
    """With its reason in the condition that people read, and before a user met the canary; so does a bug in it."""
    world = World(stops_at=0)
    assert await released(world, own(body)) is Outcome.ROLLED_BACK
    (promoted,) = world.cluster.now("Canary", NAME, NAMESPACE)["status"]["conditions"]
    assert reason in promoted["message"]
    route = world.cluster.now("HTTPRoute", NAME, NAMESPACE)
    assert [one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]] == [100, 0]
    assert shifts(world) == []


@pytest.mark.parametrize("error", [TransientError("away"), StaleError("moved on"), LostError("not ours")])
async def test_what_is_only_so_for_now_is_decided_on_again(error: Exception) -> None:
    """As with sluice's own stages: the release goes on when it is over."""
    world, errors = World(stops_at=0), [error]

    async def body(ref: RolloutRef, decision: Decision) -> StageResult:
        if errors:
            raise errors.pop()
        return StageResult()

    assert await released(world, own(body)) is Outcome.PROMOTED


def test_outside_of_the_block_the_table_is_sluice_s_own() -> None:
    """Two installations in one process, as tests have them, do not see each other's stages."""
    with with_own_stages([own(faulty())]):
        inside = row_of(Action.SHIFT)
        assert inside is not None
        assert len(inside.before) == 1
    assert row_of(Action.SHIFT) == STAGES[Action.SHIFT]


@pytest.mark.parametrize("before", Action)
def test_an_own_stage_has_room_only_before_what_goes_forward(before: Action) -> None:
    """Nothing may stand in the way of a promotion's end, or of the traffic home."""
    assert fits("own", own(faulty(), before)) == (before in FORWARD)


@task
async def takes_too_little(ref: RolloutRef) -> StageResult:
    return StageResult()


@task
def waits_for_nobody(ref: RolloutRef, decision: Decision) -> StageResult:
    return StageResult()


@pytest.mark.parametrize(
    "row",
    [
        faulty(),
        own(faulty()).stage,
        OwnStage(Action.SHIFT, faulty()),  # type: ignore[arg-type]
        OwnStage("shift traffic of sorts", own(faulty()).stage),  # type: ignore[arg-type]
        OwnStage([], own(faulty()).stage),  # type: ignore[arg-type]
        OwnStage(Action.SHIFT, takes_too_little),  # type: ignore[arg-type]
        OwnStage(Action.SHIFT, waits_for_nobody),  # type: ignore[arg-type]
    ],
    ids=["function", "bare task", "no task", "no action", "unhashable", "signature", "not a coroutine"],
)
def test_what_is_no_stage_is_seen_at_the_start(row: object) -> None:
    """Not in the middle of somebody's release."""
    assert not fits("own", row)
