"""Releases of workloads whose pods an autoscaler or a person counts as well, before, in the middle and after."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.manifests.flagger.phase import Phase
from tasks.rollout.promote import promote
from tasks.rollout.scale_up import scale_up
from tests.samples import NAME
from tests.tasks.conftest import NEW_IMAGE, staged

Object = dict[str, Any]
PRIMARY = "shop-primary"


def replicas(item: Object) -> int:
    return int(item["spec"]["replicas"])


def test_a_canary_that_an_autoscaler_gave_more_pods_is_ready_and_keeps_them(play: Any) -> None:
    """Its least number is over the primary's: scaled back, it would be scaled up once more, for ever."""
    stage = staged(replicas=5)
    assert play(stage, scale_up).scaled
    assert stage.now("Deployment", NAME)["spec"]["replicas"] == 5
    assert not any("with 2" in act for act in stage.acts)


@pytest.mark.parametrize("then", [1, 7], ids=["fewer", "more"])
def test_an_autoscaler_may_change_the_canary_s_pods_while_they_are_waited_for(play: Any, then: int) -> None:
    """What counts is whether those that it wants serve."""
    stage = staged(replicas=0, weight=0)
    stage.change("Deployment", PRIMARY, {"spec": {"replicas": 4}})

    def autoscaler(when: str, verb: str, item: Object) -> None:
        if (when, verb) == ("after", "patch"):
            stage.cluster.hooks.clear()
            stage.change("Deployment", NAME, {"spec": {"replicas": then}})

    stage.cluster.hooks.append(autoscaler)
    assert play(stage, scale_up).scaled
    assert stage.now("Deployment", NAME)["spec"]["replicas"] == then


def test_a_primary_without_pods_is_released_to(play: Any) -> None:
    """Scaled to nothing at night, it is no reason to roll a revision back: the canary gets one pod."""
    stage = staged(replicas=0, weight=0)
    stage.change("Deployment", PRIMARY, {"spec": {"replicas": 0}})
    assert play(stage, scale_up).scaled
    assert stage.now("Deployment", NAME)["spec"]["replicas"] == 1


def test_a_promotion_ends_on_a_primary_that_had_no_pods(play: Any) -> None:
    """It gets one to bring the traffic home to; who scales it to nothing may do so once more."""
    stage = staged(replicas=1, weight=100, phase=Phase.PROGRESSING)
    stage.change("Deployment", PRIMARY, {"spec": {"replicas": 0}})
    play(stage, promote)
    assert stage.status["phase"] == Phase.FINALISING
    assert stage.now("Deployment", PRIMARY)["spec"]["replicas"] == 1


@pytest.mark.parametrize("most", [9, 3], ids=["as many as the primary", "as many as the canary may have"])
def test_a_primary_that_grew_in_the_middle_is_replaced_by_a_canary_of_its_size(play: Any, most: int) -> None:
    """All of the traffic comes to the canary's pods, which were as many as the primary had when the release began."""
    stage = staged(replicas=2, weight=60)
    stage.change("Deployment", PRIMARY, {"spec": {"replicas": 6}})

    def autoscaler(when: str, verb: str, item: Object) -> None:
        if (
            when == "after"
            and item["kind"] == "Deployment"
            and item["metadata"]["name"] == NAME
            and replicas(item) > most
        ):
            stage.change("Deployment", NAME, {"spec": {"replicas": most}})

    stage.cluster.hooks.append(autoscaler)
    play(stage, promote)
    assert stage.status["phase"] == Phase.FINALISING
    assert stage.now("Deployment", NAME)["spec"]["replicas"] == min(most, 6)
    assert stage.acts.index("patch Deployment shop with 6") < stage.acts.index("shift to 100")


def test_a_canary_that_cannot_grow_to_carry_the_traffic_is_rolled_back(play: Any) -> None:
    """Nothing has been moved yet: the primary serves most of the users."""
    stage = staged({"progressDeadlineSeconds": 0.05}, replicas=2, weight=60)
    stage.change("Deployment", PRIMARY, {"spec": {"replicas": 6}})
    stage.cluster.broken_images.add(NEW_IMAGE)
    result = play(stage, promote)
    assert "shop has too few pods to carry all of the traffic: not ready after" in result.fault
    assert not any(act.startswith("shift") for act in stage.acts)


@pytest.mark.parametrize("moment", ["when the traffic is on the canary", "right before the write"])
@pytest.mark.parametrize("then", [6, 1], ids=["grown", "shrunk"])
def test_a_promotion_leaves_the_primary_at_the_size_that_an_autoscaler_gave_it(
    play: Any, moment: str, then: int
) -> None:
    """Or makes it as large as the canary, where it shrank while it had no users: they come home to it all at once."""
    stage = staged(replicas=3, weight=60)
    stage.change("Deployment", PRIMARY, {"spec": {"replicas": 3}})

    def scale() -> None:
        stage.cluster.gate = None
        stage.cluster.hooks.clear()
        stage.change("Deployment", PRIMARY, {"spec": {"replicas": then}})

    def shifted(when: str, verb: str, item: Object) -> None:
        if (when, verb) == ("after", "shift"):
            scale()

    async def writing(when: str, item: Object) -> None:
        if when == "before" and (item.get("metadata") or {}).get("name") == PRIMARY:
            scale()

    if moment == "right before the write":
        stage.cluster.gate = writing
    else:
        stage.cluster.hooks.append(shifted)
    play(stage, promote)
    assert stage.status["phase"] == Phase.FINALISING
    assert f"apply Deployment shop-primary with {max(then, 3)}" in stage.acts
    assert replicas(stage.now("Deployment", PRIMARY)) == max(then, 3)


@pytest.mark.parametrize("moment", ["before", "while the primary is replaced"])
def test_all_users_come_home_to_as_many_pods_as_the_canary_has(play: Any, moment: str) -> None:
    """An autoscaler gave the canary more with its users, and took the primary's away: its least number could not carry
    them."""
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": NAME}
    stage = staged({"autoscalerRef": scaler}, replicas=20 if moment == "before" else 3, weight=60)
    stage.change("Deployment", PRIMARY, {"spec": {"replicas": 3}})

    def autoscaler(when: str, verb: str, item: Object) -> None:
        if when == "after" and item.get("metadata", {}).get("name") == PRIMARY:
            stage.cluster.hooks.remove(autoscaler)
            stage.change("Deployment", NAME, {"spec": {"replicas": 20}})

    if moment != "before":
        stage.cluster.hooks.append(autoscaler)
    play(stage, promote)
    assert stage.status["phase"] == Phase.FINALISING
    home = next(i for i, act in enumerate(stage.acts) if act == "shift to 0")
    assert "apply Deployment shop-primary with 20" in stage.acts[:home]
    assert replicas(stage.now("Deployment", PRIMARY)) == 20
