"""A Service that somebody turns to other pods while the primary has none: its users keep those until the primary serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from deployments.keeper import acting
from deployments.keeper.keeper import Keeper
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Action, Decision, Outcome
from sluice.rollout.workloads import WORKLOADS
from tasks.rollout.fence_out import fence_out
from tasks.rollout.roll_back import roll_back
from tasks.scene import tend as tending
from tasks.scene.claim import claimed
from tests.connected import connected
from tests.deployments.keeper.test_keeper import REAL, kept, whole
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE
from tests.tasks.conftest import OLD_IMAGE, Stage
from tests.tasks.scene.test_tend import PRIMARY, at_rest, lost, released

HOME = [pytest.param(PRIMARY, id="the primary's Service"), pytest.param(NAME, id="the apex Service")]
ELSEWHERE, AT_HOME = {"app": NAME}, {"app": PRIMARY}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tending, "SERVES_WITHIN", 0.1)
    monkeypatch.setattr(tending, "TURNED_LOOK", 0.02)
    monkeypatch.setattr(acting, "LONGEST_PAUSE", 0.5)


def behind(stage: Stage, service: str) -> set[str]:
    """The images that a Service's users meet."""
    selector = stage.now("Service", service)["spec"]["selector"]
    pods = [one for key, one in stage.cluster.objects.items() if key[0] == "Pod"]
    ready = [one for one in pods if one["status"]["conditions"][0]["status"] == "True"]
    return {image_of(one) for one in ready if selector.items() <= one["metadata"]["labels"].items()}


def turned(stage: Stage, service: str) -> Stage:
    """Somebody has the target's pods serve the users of a Service, of which each write from now on is watched."""
    stage.change(stage.kind, NAME, WORKLOADS[stage.kind].writes.scaled(stage.now(stage.kind, NAME), 2) or {})
    stage.change("Service", service, {"spec": {"selector": ELSEWHERE}})

    def served(when: str, verb: str, item: dict[str, Any]) -> None:
        assert when == "before" or behind(stage, service), (
            f"{verb} {item['kind']} left the users of {service} to nobody"
        )

    stage.cluster.hooks.append(served)
    return stage


@asynccontextmanager
async def trying(stage: Stage) -> AsyncIterator[None]:
    """A process with a keeper that has tried a few times to put right what it cannot yet."""
    async with asyncio.timeout(20), connected(stage.cluster, **REAL) as wired:
        task = asyncio.create_task(Keeper.of(wired).keep())
        try:
            await asyncio.sleep(0.5)
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until_home(stage: Stage, service: str) -> None:
    async with asyncio.timeout(10):
        while selected(stage, service) != AT_HOME:
            await asyncio.sleep(0.02)


def primary_is(stage: Stage, *, ready: bool) -> None:
    """Its pods become ready, or are no longer."""
    (stage.cluster.unready.discard if ready else stage.cluster.unready.add)(PRIMARY)
    stage.change("Deployment", PRIMARY, {"metadata": {"annotations": {"ready": str(ready)}}})


def selected(stage: Stage, service: str) -> dict[str, str]:
    return dict(stage.now("Service", service)["spec"]["selector"])


@pytest.mark.parametrize("kind", WORKLOADS)
@pytest.mark.parametrize("service", HOME)
async def test_its_users_come_home_once_a_primary_that_was_deleted_serves_again(service: str, kind: str) -> None:
    """Whatever the order in which people did that."""
    stage = lost(turned(await whole(at_rest(kind)), service))
    async with kept(stage):
        pass
    assert selected(stage, service) == AT_HOME
    assert behind(stage, service) == {OLD_IMAGE}
    assert not stage.cluster.pods(NAME, NAMESPACE), "the target rests again"


@pytest.mark.parametrize("service", HOME)
async def test_it_stays_where_it_is_as_long_as_the_primary_is_not_ready(service: str) -> None:
    """As where no node has room for it; it is put right by itself when there is."""
    stage = turned(await whole(at_rest()), service)
    primary_is(stage, ready=False)
    async with trying(stage):
        assert selected(stage, service) == ELSEWHERE
        assert stage.cluster.pods(NAME, NAMESPACE)
        primary_is(stage, ready=True)
        await until_home(stage, service)
    assert behind(stage, service) == {OLD_IMAGE}


async def test_people_who_serve_their_users_from_the_target_by_hand_read_that_it_is_kept_so() -> None:
    """They have scaled the primary to zero: it is not sluice's to wake, and its users are not sluice's to take."""
    stage = turned(await whole(at_rest()), PRIMARY)
    stage.change("Deployment", PRIMARY, {"spec": {"replicas": 0}})
    async with kept(stage):
        pass
    assert selected(stage, PRIMARY) == ELSEWHERE
    assert len(stage.cluster.pods(NAME, NAMESPACE)) == 2
    (one,) = [one for one in stage.status["conditions"] if one["type"] == "Kept"]
    assert one["reason"] == "Turned"
    assert one["message"] == (
        "Service shop-primary leads to pods that somebody has chosen, and stays so while shop-primary has no pods"
    )


async def test_where_the_primary_serves_it_is_put_right_at_once() -> None:
    """Users are only away from it by mistake."""
    stage = turned(await whole(at_rest()), PRIMARY)
    async with kept(stage):
        pass
    assert next(act for act in stage.acts if "Event" not in act) == f"patch Service {PRIMARY}"
    assert selected(stage, PRIMARY) == AT_HOME


async def played(stage: Stage, task: Any, *decision: Any, **fields: Any) -> Any:
    async with asyncio.timeout(20), connected(stage.cluster, **REAL), claimed(stage.ref, "run"):
        return await task.fn(stage.ref, *([Decision(*decision, **fields)] if decision else []))


async def test_a_run_that_takes_over_leaves_it_where_it_is() -> None:
    """It fences the other one out before anything else, also before there is a primary."""
    stage = lost(turned(await whole(released()), PRIMARY))
    await played(stage, fence_out)
    assert selected(stage, PRIMARY) == ELSEWHERE


async def test_a_rollback_leaves_the_canary_s_pods_to_users_who_have_no_others() -> None:
    """The route says that they are at home, and home is where somebody has turned it."""
    stage = turned(await whole(released(weight=0)), PRIMARY)
    primary_is(stage, ready=False)
    with pytest.raises(Exception, match="has turned Service shop-primary to, and shop-primary has no pod that serves"):
        await played(stage, roll_back, Action.ROLL_BACK, reason="bad", outcome=Outcome.ROLLED_BACK)
    assert stage.cluster.pods(NAME, NAMESPACE)
    assert stage.status["phase"] == Phase.PROGRESSING
    primary_is(stage, ready=True)
    await played(stage, roll_back, Action.ROLL_BACK, reason="bad", outcome=Outcome.ROLLED_BACK)
    assert (stage.status["phase"], selected(stage, PRIMARY)) == (Phase.FAILED, AT_HOME)


async def test_a_switch_of_kubernetes_alone_is_held_too() -> None:
    """All users come by the apex Service then."""
    stage = at_rest()
    analysis = {"stepWeights": [], "iterations": 3}
    stage.change("Canary", NAME, {"spec": {"provider": "kubernetes", "analysis": analysis}})
    stage = await whole(stage)
    somebody = {"app": "somebody"}
    pod = stage.cluster.pods(PRIMARY, NAMESPACE)[0]
    other = {**pod, "metadata": {**pod["metadata"], "name": "somebody-pod", "labels": somebody}}
    stage.cluster.add(other)
    stage.change("Service", NAME, {"spec": {"selector": somebody}})
    primary_is(stage, ready=False)
    async with trying(stage):
        assert selected(stage, NAME) == somebody
        primary_is(stage, ready=True)
        await until_home(stage, NAME)
