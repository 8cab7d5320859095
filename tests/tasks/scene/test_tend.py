"""What a Canary brings forth is put right: made again where it was deleted, corrected where somebody edited it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.kinds import WORKLOAD_KINDS
from sluice.errors import InvalidError, TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.tending.primary import given
from sluice.rollout.workloads import WORKLOADS
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import Scene
from tasks.scene.tend import tend
from tests.connected import connected
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE, workload
from tests.tasks.conftest import NEW_IMAGE, OLD_IMAGE, Stage, parts, staged

EVERY_KIND = pytest.mark.parametrize("kind", WORKLOADS)
PRIMARY = f"{NAME}-primary"


def tended(stage: Stage) -> None:
    async def it() -> None:
        async with asyncio.timeout(20), connected(stage.cluster, **parts(stage)), claimed(stage.ref, "run"):
            await tend(await Scene.of(stage.ref))

    asyncio.run(it())


def images(stage: Stage, name: str = PRIMARY) -> list[str]:
    return [image_of(pod) for pod in stage.cluster.pods(name, NAMESPACE)]


def lost(stage: Stage) -> Stage:
    """What `kubectl delete` of the primary does, and the garbage collector with its pods."""
    stage.cluster.vanish(WORKLOAD_KINDS[stage.kind], PRIMARY, NAMESPACE)
    for pod in stage.cluster.pods(PRIMARY, NAMESPACE):
        stage.cluster.objects.pop(("Pod", NAMESPACE, pod["metadata"]["name"]))
    return stage


def released(kind: str = "Deployment", **status: Any) -> Stage:
    """A release under way whose target had the promoted revision before, as the API server's history knows."""
    stage = staged(kind=kind, **status)
    new = stage.now(kind, NAME)
    stage.cluster.add({**new, "spec": workload(kind, OLD_IMAGE)["spec"]})
    stage.cluster.add(new)
    return stage


def at_rest(kind: str = "Deployment") -> Stage:
    """The primary serves what the target holds."""
    stage = staged(weight=0, replicas=0, kind=kind, phase=Phase.SUCCEEDED)
    stage.change("Canary", NAME, {"status": {"lastAppliedSpec": stage.status["lastPromotedSpec"]}})
    old = workload(kind, OLD_IMAGE)
    stage.push(OLD_IMAGE)
    stage.change(kind, NAME, WORKLOADS[kind].writes.scaled(old, 0) or {})
    return stage


@EVERY_KIND
@pytest.mark.parametrize("state", [at_rest, released], ids=["at rest", "under way"])
def test_nothing_is_written_where_nothing_differs(state: Any, kind: str) -> None:
    """It is asked at every change of anything."""
    stage = state(kind)
    tended(stage)
    assert stage.acts == []


@EVERY_KIND
@pytest.mark.parametrize("state", [at_rest, released], ids=["at rest", "under way"])
def test_a_primary_that_was_deleted_is_made_again_from_what_was_promoted(state: Any, kind: str) -> None:
    """Also where the target holds another revision by now, which nobody has judged."""
    stage = lost(state(kind))
    stage.change("Canary", NAME, {"status": {"primaryPods": 3}})
    tended(stage)
    assert images(stage) == [OLD_IMAGE] * 3
    assert given(stage.now(kind, PRIMARY)) == stage.status["lastPromotedSpec"]


def test_where_nobody_knows_what_was_promoted_people_read_the_way_out() -> None:
    """What the target holds was not judged: it is not given to users instead."""
    stage = lost(staged())
    with pytest.raises(
        TransientError, match=r"shop-primary is gone, and the history of shop no longer has .* put shop back"
    ):
        tended(stage)
    assert stage.acts == []


@EVERY_KIND
@pytest.mark.parametrize("state", [at_rest, released], ids=["at rest", "under way"])
def test_an_edited_primary_is_put_back_and_keeps_its_size(state: Any, kind: str) -> None:
    """An image that is set there meets users unjudged; how many pods there are is for people and autoscalers to say."""
    stage = state(kind)
    (container,) = stage.now(kind, PRIMARY)["spec"]["template"]["spec"]["containers"]
    edited = {"spec": {"template": {"spec": {"containers": [{**container, "image": "registry/shop:by-hand"}]}}}}
    if kind == "Deployment":
        edited["spec"]["replicas"] = 5  # type: ignore[assignment]
    stage.change(kind, PRIMARY, edited)
    tended(stage)
    assert set(images(stage)) == {OLD_IMAGE}
    assert len(images(stage)) == (5 if kind == "Deployment" else 3)


@EVERY_KIND
@pytest.mark.parametrize("state", [at_rest, released], ids=["at rest", "under way"])
def test_an_edited_primary_is_put_back_although_the_target_has_lost_its_past(state: Any, kind: str) -> None:
    """A target that is deleted and made again has a history that begins then; its primary's has the promoted template."""
    stage = state(kind)
    target = workload(kind, NEW_IMAGE)
    stage.cluster.vanish(WORKLOAD_KINDS[kind], NAME, NAMESPACE)
    stage.cluster.add({**target, "metadata": {**target["metadata"], "uid": "another"}})
    (container,) = stage.now(kind, PRIMARY)["spec"]["template"]["spec"]["containers"]
    edited = {"spec": {"template": {"spec": {"containers": [{**container, "image": "registry/shop:by-hand"}]}}}}
    stage.change(kind, PRIMARY, edited)
    tended(stage)
    assert set(images(stage)) == {OLD_IMAGE}


def test_a_primary_that_somebody_scaled_to_zero_stays_there() -> None:
    """As people do at night."""
    stage = at_rest()
    stage.change("Deployment", PRIMARY, {"spec": {"replicas": 0}})
    tended(stage)
    assert images(stage) == []


def test_a_promotion_decides_itself_what_its_primary_is() -> None:
    """It is between two revisions, and all users are on the canary."""
    stage = released(weight=100, phase=Phase.PROMOTING)
    tended(stage)
    assert stage.acts == []


def test_a_primary_that_is_deleted_in_its_promotion_is_made_again_from_what_was_judged() -> None:
    """Whether it had been given that or not."""
    stage = lost(released(weight=100, phase=Phase.PROMOTING))
    tended(stage)
    assert set(images(stage)) == {NEW_IMAGE}
    assert stage.route.weights[NAME] == 100


def test_a_route_that_was_deleted_is_made_once_the_primary_serves() -> None:
    """Nobody is sent to a primary without pods."""
    stage = lost(at_rest())
    stage.route.weights.clear()
    tended(stage)
    assert stage.acts == ["apply Deployment shop-primary with 1"]
    assert stage.route.weights == {NAME: 0}


def test_users_that_somebody_sent_to_the_canary_at_rest_come_home() -> None:
    """It has no pods then."""
    stage = at_rest()
    stage.route.weights[NAME] = 40
    tended(stage)
    assert stage.acts == ["shift to 0"]


def test_somebody_else_s_workload_of_that_name_is_refused() -> None:
    """It is named, and left as it is."""
    stage = lost(at_rest())
    stage.cluster.add(workload("Deployment", "registry/other:1", name=PRIMARY))
    with pytest.raises(InvalidError, match="Deployment shop-test/shop-primary exists and was not made by sluice"):
        tended(stage)
    assert stage.acts == []
