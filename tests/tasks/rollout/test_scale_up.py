"""Scale up: the canary's way to pods that can take traffic, and that stay what they are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sluice.errors import InvalidError, TransientError
from sluice.rollout.workloads.deployment import DEPLOYMENT
from tasks.rollout.scale_up import scale_up
from tests.samples import NAME
from tests.tasks.conftest import NEW_IMAGE, OLD_IMAGE, staged


def test_scale_up_gives_the_canary_the_primary_s_size(play: Any) -> None:
    """It can then carry all of the traffic, which the promotion needs."""
    stage = staged(replicas=0)
    stage.change("Deployment", "shop-primary", {"spec": {"replicas": 5}})
    result = play(stage, scale_up)
    assert result.scaled
    assert stage.now("Deployment", NAME)["spec"]["replicas"] == 5


def test_scale_up_gives_up_at_the_deadline_with_the_pod_s_reason(play: Any) -> None:
    """A canary that never becomes ready is told with why, and gets no traffic."""
    stage = staged({"progressDeadlineSeconds": 0.05}, replicas=0, weight=0)
    stage.cluster.broken_images.add(NEW_IMAGE)
    result = play(stage, scale_up)
    assert not result.scaled
    assert "pod shop-pod-0: Running, not ready" in result.fault
    assert not any(act.startswith("shift") for act in stage.acts)


def test_scale_up_stops_waiting_when_a_newer_revision_comes(play: Any) -> None:
    """Nobody waits for pods that nobody wants any more; that is no fault of theirs, should the target be put back."""
    stage = staged({"progressDeadlineSeconds": 15}, replicas=0, weight=0)
    stage.cluster.broken_images.add(NEW_IMAGE)

    def push(when: str, verb: str, item: dict[str, Any]) -> None:
        if (when, verb) == ("after", "patch"):
            stage.cluster.hooks.clear()
            stage.push()

    stage.cluster.hooks.append(push)
    result = play(stage, scale_up)
    assert (result.scaled, result.fault, result.reason) == (False, "", "a newer revision came")


def test_scale_up_returns_only_when_the_hold_was_seen(play: Any) -> None:
    """Else the next look finds pods that seem not to stand, and scales up again, for ever where the controller is slow."""
    stage = staged(replicas=0, weight=0)
    run = stage.cluster._run

    def late(deployment: dict[str, Any]) -> None:
        if deployment["spec"].get("paused"):
            asyncio.get_running_loop().call_later(0.1, seen)
        else:
            run(deployment)

    def seen() -> None:
        stage.cluster._run = run  # type: ignore[method-assign]
        stage.cluster.add(stage.now("Deployment", NAME))

    stage.cluster._run = late  # type: ignore[method-assign]
    assert play(stage, scale_up).scaled
    assert DEPLOYMENT.reads.ready(stage.now("Deployment", NAME))
    assert stage.now("Deployment", NAME)["spec"]["paused"]


def test_scale_up_leaves_pods_that_stand_held(play: Any) -> None:
    """Done again it changes nothing: a hold that was let go of would have to be waited for again."""
    stage = staged(replicas=0, weight=0)
    play(stage, scale_up)
    before = list(stage.acts)
    assert play(stage, scale_up).scaled
    assert stage.acts == before


def test_scale_up_lets_a_held_target_follow_what_was_pushed_since(play: Any) -> None:
    """Without traffic there is nothing to be kept: pods of the older revision make room."""
    stage = staged(replicas=2, weight=0)
    stage.change("Deployment", NAME, {"spec": {"paused": True}})
    run = stage.cluster._run

    def held_back(deployment: dict[str, Any]) -> None:
        run(deployment)
        if deployment["spec"].get("paused") and not stage.acts:
            deployment["status"]["updatedReplicas"] = 0

    stage.cluster._run = held_back  # type: ignore[method-assign]
    stage.change("Deployment", NAME, {"metadata": {"annotations": {"pushed": "while held"}}})
    assert play(stage, scale_up).scaled
    assert stage.acts == ["patch Deployment shop with 2", "patch Deployment shop with 2"]


def test_a_revision_of_which_no_primary_could_be_made_gets_no_pods(play: Any) -> None:
    """It would be judged for nothing, and the promotion would end half way."""
    stage = staged(kind="DaemonSet", replicas=0, weight=0)
    stage.change("DaemonSet", NAME, {"spec": {"template": {"spec": {"hostNetwork": True}}}})
    with pytest.raises(InvalidError, match="hostNetwork: true"):
        play(stage, scale_up)
    assert stage.acts == []


def test_a_primary_that_somebody_deleted_is_made_again_before_the_canary_gets_pods(play: Any) -> None:
    """From the history of what was promoted, and not from the unjudged revision; the release goes on."""
    stage = staged(replicas=0, weight=0)
    stage.push(OLD_IMAGE)
    stage.push(NEW_IMAGE)
    stage.cluster.objects.pop(("Deployment", "shop-test", "shop-primary"))
    assert play(stage, scale_up).scaled
    made = stage.now("Deployment", "shop-primary")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert made == OLD_IMAGE


def test_a_primary_that_nobody_can_make_again_is_waited_for_with_the_way_out(play: Any) -> None:
    """A primary that somebody deleted is not silently replaced by an unjudged revision."""
    stage = staged()
    stage.cluster.objects.pop(("Deployment", "shop-test", "shop-primary"))
    with pytest.raises(TransientError, match="or delete the Canary's status to begin with what the target holds now"):
        play(stage, scale_up)
