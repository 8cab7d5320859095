"""Releases of workloads whose pods an autoscaler or a person counts as well, before, in the middle and after."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.manifests.flagger.phase import Phase
from tasks.rollout.promote import promote
from tasks.rollout.scale_up import scale_up
from tests.samples import NAME
from tests.tasks.conftest import staged

Object = dict[str, Any]
PRIMARY = "shop-primary"


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
