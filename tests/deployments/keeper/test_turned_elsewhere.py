"""A Service that somebody turns to other pods while the primary has none: its users keep those until the primary serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from blocks.kubernetes.kinds import SERVICE
from deployments.keeper import acting
from deployments.keeper.keeper import Keeper
from sluice.errors import TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Action, Decision, Outcome
from sluice.rollout.strategies.base import Traffic
from sluice.rollout.workloads import WORKLOADS
from tasks.rollout.fence_out import fence_out
from tasks.rollout.roll_back import roll_back
from tasks.rollout.shift_traffic import shift_traffic
from tasks.scene import tend as tending
from tasks.scene.claim import claimed
from tasks.scene.look import look
from tests.connected import connected
from tests.deployments.keeper.test_keeper import REAL, kept, weight, whole
from tests.laws.town import stranger
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE, success_rate
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


def send(stage: Stage, weight: int) -> None:
    """Somebody edits the route."""
    (rule,) = stage.now("HTTPRoute", NAME)["spec"]["rules"]
    shares = {PRIMARY: 100 - weight, f"{NAME}-canary": weight}
    backends = [{**one, "weight": shares[one["name"]]} for one in rule["backendRefs"]]
    stage.change("HTTPRoute", NAME, {"spec": {"rules": [{**rule, "backendRefs": backends}]}})


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


async def test_a_run_that_takes_over_at_rest_leaves_users_at_the_only_pods_that_serve() -> None:
    """Somebody has sent them there by hand; they come home once there is a primary."""
    stage = turned(await whole(at_rest()), f"{NAME}-canary")
    send(stage, 100)
    await played(lost(stage), fence_out)
    assert weight(stage) == 100
    async with kept(stage):
        pass
    assert (weight(stage), behind(stage, PRIMARY)) == (0, {OLD_IMAGE})


async def test_a_step_gives_nobody_back_to_a_primary_that_has_no_pods() -> None:
    """Somebody has sent all users to the canary: that is put back to the step's share once the primary can take them."""
    stage = await whole(released(weight=30))
    send(stage, 100)
    primary_is(stage, ready=False)
    step = {"step": 1, "traffic": Traffic(30)}
    with pytest.raises(TransientError, match="traffic stays on the canary: the primary offers 0 of 2 pods"):
        await played(stage, shift_traffic, Action.SHIFT, **step)
    assert weight(stage) == 100
    primary_is(stage, ready=True)
    await played(stage, shift_traffic, Action.SHIFT, **step)
    assert weight(stage) == 30


async def test_users_leave_a_canary_whose_service_is_somebody_else_s() -> None:
    """It cannot be made again while that has its name, and who it leads to is not sluice's to say."""
    stage = await whole(released(weight=30))
    stage.cluster.vanish(SERVICE, f"{NAME}-canary", NAMESPACE)
    stage.cluster.add(stranger("Service", f"{NAME}-canary", NAMESPACE, {"selector": {"app": "other"}}))
    async with asyncio.timeout(20), connected(stage.cluster, **REAL), claimed(stage.ref, "run"):
        now = await look(stage.ref)
    assert "Service shop-test/shop-canary belongs to Shop elsewhere" in now.broken
    await played(stage, roll_back, Action.ROLL_BACK, reason=now.broken, outcome=Outcome.ROLLED_BACK)
    assert (weight(stage), stage.status["phase"]) == (0, Phase.FAILED)


async def test_users_come_home_at_rest_also_while_nobody_can_read_the_canary() -> None:
    """A field of its analysis is wrong: where its users belong is known all the same, and its finalizer stays."""
    stage = at_rest()
    stage.change("Canary", NAME, {"spec": {"revertOnDeletion": True}})
    stage = await whole(stage)
    async with kept(stage):
        finalizers = stage.now("Canary", NAME)["metadata"]["finalizers"]
        stage.change("Canary", NAME, {"spec": {"analysis": {"stepWeights": "many"}}})
        send(stage, 100)
        stage.cluster.vanish(SERVICE, PRIMARY, NAMESPACE)
    (rule,) = stage.now("HTTPRoute", NAME)["spec"]["rules"]
    assert {one["name"]: one["weight"] for one in rule["backendRefs"]} == {PRIMARY: 100, f"{NAME}-canary": 0}
    assert behind(stage, PRIMARY) == {OLD_IMAGE}
    assert stage.now("Canary", NAME)["metadata"]["finalizers"] == finalizers


async def test_a_rollback_leaves_the_canary_s_pods_to_users_who_have_no_others() -> None:
    """The route says that they are at home, and home is where somebody has turned it."""
    stage = turned(await whole(released(weight=0)), PRIMARY)
    primary_is(stage, ready=False)
    with pytest.raises(
        TransientError, match="has turned Service shop-primary to, and shop-primary has no pod that serves"
    ):
        await played(stage, roll_back, Action.ROLL_BACK, reason="bad", outcome=Outcome.ROLLED_BACK)
    assert stage.cluster.pods(NAME, NAMESPACE)
    assert stage.status["phase"] == Phase.PROGRESSING
    primary_is(stage, ready=True)
    await played(stage, roll_back, Action.ROLL_BACK, reason="bad", outcome=Outcome.ROLLED_BACK)
    assert (stage.status["phase"], selected(stage, PRIMARY)) == (Phase.FAILED, AT_HOME)


async def test_users_whose_canary_s_service_is_turned_to_pods_that_serve_go_home_once_there_is_one() -> None:
    """That the canary offers nothing of its own is no reason to send them to nobody."""
    stage = await whole(released(weight=30))
    primary_is(stage, ready=False)
    somebody = {"app": "somebody"}
    pod = stage.cluster.pods(NAME, NAMESPACE)[0]
    stage.cluster.add({**pod, "metadata": {**pod["metadata"], "name": "somebody-pod", "labels": somebody}})
    stage.change("Service", f"{NAME}-canary", {"spec": {"selector": somebody}})
    with pytest.raises(TransientError, match="traffic stays on the canary: the primary offers 0 of 2 pods"):
        await played(stage, roll_back, Action.ROLL_BACK, reason="bad", outcome=Outcome.ROLLED_BACK)
    assert weight(stage) == 30


@pytest.mark.parametrize("service", [f"{NAME}-canary", f"{NAME}-baseline"])
async def test_a_primary_is_made_again_also_while_somebody_s_service_has_a_name_of_the_canary_s(service: str) -> None:
    """It is refused by its name, and its owner's; the primary's users are no part of that."""
    stage = at_rest()
    compared = {"stepWeights": [10, 50], "comparison": {}, "metrics": [success_rate(99)]}
    stage.change("Canary", NAME, {"spec": {"analysis": compared}})
    stage = lost(await whole(stage))
    stage.cluster.vanish(SERVICE, service, NAMESPACE)
    stage.cluster.vanish(SERVICE, PRIMARY, NAMESPACE)
    stage.cluster.add(stranger("Service", service, NAMESPACE, {"selector": {"app": "other"}}))
    theirs = stage.now("Service", service)
    async with trying(stage):
        assert behind(stage, PRIMARY) == {OLD_IMAGE}
    assert stage.now("Service", service) == theirs


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
