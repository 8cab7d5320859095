"""Releases that cannot go on as they were begun: whatever a look or an act ends in, traffic goes home, with the reason."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.kinds import CANARY, DEPLOYMENT, HTTP_ROUTE
from sluice.errors import InvalidError, NotFoundError, TerminalError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from tasks.measuring import step as judging
from tests.connected import connected
from tests.flows.ordinary import PRIMARY, Change, at_phase, at_weight, edit, message, release, status, weights
from tests.flows.test_roll_out_stopped import NEW, OLD, World, one_run
from tests.samples import NAME, NAMESPACE, merged

pytestmark = pytest.mark.usefixtures("hurried")


BREAKS: dict[str, tuple[Change, str]] = {
    "an edit that makes the Canary invalid": (
        lambda world: edit(world, {"analysis": {"stepWeights": [60, 10]}}),
        "stepWeights must rise",
    ),
    "a kind of target that sluice does not have": (
        lambda world: edit(world, {"targetRef": {"kind": "CronJob"}}),
        "spec.targetRef.kind is 'CronJob'",
    ),
    "another target": (
        lambda world: edit(world, {"targetRef": {"name": "another"}}),
        "spec.targetRef changed in the middle of the release",
    ),
    "another provider": (
        lambda world: edit(world, {"provider": "kubernetes"}),
        "spec.provider changed in the middle of the release",
    ),
    "another Service": (
        lambda world: edit(world, {"service": {"name": "another"}}),
        "spec.service.name changed in the middle of the release",
    ),
    "the target is deleted": (
        lambda world: world.cluster.vanish(DEPLOYMENT, NAME, NAMESPACE),
        f"Deployment {NAMESPACE}/{NAME} does not exist",
    ),
}


@pytest.mark.parametrize("weight", [10, 30])
@pytest.mark.parametrize("what", BREAKS)
async def test_a_release_that_cannot_go_on_as_it_was_begun_goes_home_with_the_reason(what: str, weight: int) -> None:
    """By the names that it was begun by, and by whatever of its Canary can still be read; the target is no longer frozen."""
    world = World(stops_at=0)
    change, reason = BREAKS[what]
    at_weight(world, weight, change)
    assert await release(world) is Outcome.ROLLED_BACK
    assert weights(world) == [100, 0]
    assert status(world)["phase"] == Phase.FAILED
    assert reason in message(world)
    if "deleted" not in what:
        target = world.cluster.now("Deployment", NAME, NAMESPACE)["spec"]
        assert (target["replicas"], target.get("paused")) == (0, False)


@pytest.mark.parametrize("what", [one for one in BREAKS if "deleted" not in one])
async def test_another_worker_that_never_saw_the_canary_valid_brings_it_home(what: str) -> None:
    """The journal has the names; nothing is in the memory of the process that died."""
    world = World(stops_at=0)
    at_weight(world, 30, BREAKS[what][0])
    died = asyncio.Event()

    async def dies(when: str, item: dict[str, Any]) -> None:
        if item["kind"] == "HTTPRoute" and weights(world)[1:] == [30]:
            died.set()
            await asyncio.Event().wait()

    async with connected(world.cluster, "first", **world.parts()) as wired:
        await one_run("initialise")
        world.push(NEW)
        world.cluster.gate = dies
        first = asyncio.create_task(one_run("release"))
        await died.wait()
        await wired.lease.give_up()
        world.cluster.gate = None
        async with connected(world.cluster, "second", **world.parts()):
            assert await one_run("release") is Outcome.ROLLED_BACK
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert weights(world) == [100, 0]
    assert BREAKS[what][1] in message(world)


@pytest.mark.parametrize("what", [one for one in BREAKS if "deleted" not in one])
@pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.FINALISING])
async def test_a_promotion_that_has_begun_ends_whatever_becomes_of_its_canary(what: str, phase: Phase) -> None:
    """The primary is being given a judged revision: half of it would be worse than all."""
    world = World(stops_at=0)
    at_phase(world, phase, BREAKS[what][0])
    assert await release(world) is Outcome.PROMOTED
    assert weights(world) == [100, 0]
    assert status(world)["phase"] == Phase.SUCCEEDED


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.PROMOTING, Phase.FINALISING])
async def test_a_target_that_is_deleted_at_any_time_ends_the_release(phase: Phase) -> None:
    """With the traffic at home; what was given to the primary stays there."""
    world = World(stops_at=0)
    at_phase(world, phase, lambda it: it.cluster.vanish(DEPLOYMENT, NAME, NAMESPACE))
    assert await release(world) in {Outcome.ROLLED_BACK, Outcome.PROMOTED}
    assert weights(world) == [100, 0]
    assert not Phase(status(world)["phase"]).in_progress


class BrokenError(Exception):
    """Nobody's: with something in it that nobody should read."""


@pytest.mark.parametrize(
    "error", [BrokenError("token=s3cret"), TerminalError("the query gives a string"), KeyError("data")]
)
async def test_whatever_a_forward_act_breaks_with_takes_the_release_home(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A bug of sluice's own as well: the reason names where it is, and nothing that it may have had in hand."""

    async def judge(_: Any) -> None:
        raise error

    world = World(stops_at=0)
    at_weight(world, 30, lambda _: monkeypatch.setattr(judging.Step, "judge", judge))
    assert await release(world) is Outcome.ROLLED_BACK
    assert weights(world) == [100, 0]
    said = message(world)
    assert "s3cret" not in said
    assert ("the query gives a string" if isinstance(error, TerminalError) else "a fault of sluice: ") in said


async def test_a_canary_that_is_deleted_with_its_target_lets_everything_go() -> None:
    """What `kubectl delete -f` of an application does in the middle of its release."""
    world = World(stops_at=0)

    def gone(it: World) -> None:
        it.cluster.vanish(DEPLOYMENT, NAME, NAMESPACE)
        it.cluster.vanish(CANARY, NAME, NAMESPACE)

    at_weight(world, 30, gone)
    assert await release(world) is Outcome.DELETED


async def test_at_rest_what_is_invalid_or_gone_is_an_error_that_says_so() -> None:
    """Nothing is under way that would have to be brought home."""
    world = World(stops_at=0)
    async with connected(world.cluster, "worker", **world.parts()):
        await one_run("initialise")
        edit(world, {"analysis": {"stepWeights": [60, 10]}})
        with pytest.raises(InvalidError, match="must rise"):
            await one_run("release")
        edit(world, {"analysis": {"stepWeights": [10]}})
        world.cluster.vanish(DEPLOYMENT, NAME, NAMESPACE)
        await asyncio.sleep(0.01)  # the watch brings it
        with pytest.raises(NotFoundError):
            await one_run("release")


@pytest.mark.parametrize("weight", [10, 60])
async def test_a_route_that_was_deleted_in_the_middle_is_no_error_on_the_way_home(weight: int) -> None:
    """It is made again, with all traffic on the primary."""
    world = World(stops_at=0)

    def gone(it: World) -> None:
        it.good = False
        it.cluster.vanish(HTTP_ROUTE, NAME, NAMESPACE)

    at_weight(world, weight, gone)
    assert await release(world) is Outcome.ROLLED_BACK
    assert weights(world) == [100, 0]


async def test_a_route_that_somebody_else_keeps_writing_ends_the_release_instead_of_a_loop() -> None:
    """Each shift is undone before the next look: three times are enough."""
    world, shifts = World(stops_at=0), 0

    def undo(when: str, verb: str, item: dict[str, Any]) -> None:
        nonlocal shifts
        if when == "after" and item["kind"] == "HTTPRoute" and weights(world)[1] == 30:
            shifts += 1
            rules = item["spec"]["rules"]
            backends = [{**one, "weight": w} for one, w in zip(rules[0]["backendRefs"], (90, 10), strict=True)]
            world.cluster.add(merged(item, {"spec": {"rules": [{**rules[0], "backendRefs": backends}]}}))

    world.cluster.hooks.append(undo)
    assert await release(world) is Outcome.ROLLED_BACK
    assert shifts == 1 + 3, "the first one wrote its intent, the others changed nothing"
    assert "was done 3 times and changed nothing" in message(world)
    assert OLD in str(world.cluster.now("Deployment", PRIMARY, NAMESPACE))
