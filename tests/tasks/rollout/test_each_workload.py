"""The stages of a release, played on a target of each kind: the same acts in the same order, the same promises."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import StaleError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decide import Outcome
from sluice.rollout.strategies.base import Traffic
from sluice.rollout.workloads import WORKLOADS
from tasks.rollout.analyse import analyse
from tasks.rollout.finalise import finalise
from tasks.rollout.initialise import initialise
from tasks.rollout.promote import promote
from tasks.rollout.roll_back import roll_back
from tasks.rollout.scale_up import scale_up
from tasks.rollout.supersede import supersede
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE, workload
from tests.tasks.conftest import NEW_IMAGE, OLD_IMAGE, Stage, staged
from tests.tasks.steps import judged

EVERY_KIND = pytest.mark.parametrize("kind", WORKLOADS)


def images(stage: Stage, name: str = NAME) -> set[str]:
    """What the pods of a workload run."""
    return {image_of(pod) for pod in stage.cluster.pods(name, NAMESPACE)}


def kinds(stage: Stage) -> list[str]:
    """The acts without how many pods there are then, which each kind counts in its own way."""
    return [act.partition(" with ")[0] for act in stage.acts]


@EVERY_KIND
def test_initialise_lets_the_primary_serve_before_the_target_rests(play: Any, kind: str) -> None:
    """It is not served by pods that are taken away, and both hold the same revision."""
    stage = staged(kind=kind)
    stage.cluster.objects.pop((kind, NAMESPACE, "shop-primary"))
    stage.change("Canary", NAME, {"status": None})
    stage.cluster.add(workload(kind, OLD_IMAGE))
    stage.route.weights.clear()
    play(stage, initialise)
    assert kinds(stage) == [
        "journal: Initializing 0",
        f"apply {kind} shop-primary",
        f"patch {kind} shop",
        "journal: Initialized 0",
    ]
    assert (images(stage, "shop-primary"), images(stage)) == ({OLD_IMAGE}, set())
    assert WORKLOADS[kind].reads.revision(stage.now(kind, NAME)) == stage.status["lastPromotedSpec"]


@EVERY_KIND
def test_what_is_pushed_after_the_canary_was_scaled_up_gets_no_pods(play: Any, kind: str) -> None:
    """Users are about to meet its pods; done again, scaling up changes nothing."""
    stage = staged(replicas=0, weight=0, kind=kind)
    assert images(stage) == set()
    assert play(stage, scale_up).scaled
    before = list(stage.acts)
    assert play(stage, scale_up).scaled
    assert stage.acts == before
    (container,) = stage.now(kind, NAME)["spec"]["template"]["spec"]["containers"]
    container = {**container, "image": "registry/shop:1.2.0"}
    stage.change(kind, NAME, {"spec": {"template": {"spec": {"containers": [container]}}}})
    assert images(stage) == {NEW_IMAGE}


@EVERY_KIND
def test_a_canary_that_never_becomes_ready_says_why_in_the_pod_s_own_words(play: Any, kind: str) -> None:
    """And gets no traffic."""
    stage = staged({"progressDeadlineSeconds": 0.05}, replicas=0, weight=0, kind=kind)
    stage.cluster.broken_images.add(NEW_IMAGE)
    result = play(stage, scale_up)
    assert not result.scaled
    assert "pod shop-pod-0: Running, not ready" in result.fault


@EVERY_KIND
def test_a_promotion_touches_the_primary_while_the_judged_canary_has_the_traffic(play: Any, kind: str) -> None:
    """Frozen first; the primary runs what was judged, and is not frozen."""
    stage = staged(weight=60, kind=kind)
    play(stage, promote)
    assert kinds(stage) == [
        f"patch {kind} shop",
        "journal: Promoting 100",
        "shift to 100",
        f"apply {kind} shop-primary",
        "shift to 0",
        "journal: Finalising 0",
    ]
    writes = WORKLOADS[kind].writes
    assert writes.frozen(stage.now(kind, NAME)) is None
    assert writes.frozen(stage.now(kind, "shop-primary")) is not None
    assert images(stage, "shop-primary") == {NEW_IMAGE}
    play(stage, finalise)
    assert images(stage) == set()
    assert writes.thawed(stage.now(kind, NAME)) is None


@EVERY_KIND
def test_what_was_not_judged_is_never_promoted(play: Any, kind: str) -> None:
    """The message says whose target it is."""
    stage = staged(weight=60, kind=kind)
    stage.push()
    with pytest.raises(StaleError, match=f"{kind} shop changed since"):
        play(stage, promote)
    assert images(stage, "shop-primary") == {OLD_IMAGE}


@EVERY_KIND
def test_a_rollback_leaves_no_pods_and_a_target_that_follows_its_template(play: Any, kind: str) -> None:
    """Whatever was pushed while it was frozen; none of that is started either."""
    stage = staged(weight=30, kind=kind)
    play(stage, scale_up)
    stage.acts.clear()
    play(stage, roll_back, reason="50 % failed", failed_checks=2)
    assert kinds(stage) == ["journal: Progressing 30", "shift to 0", f"patch {kind} shop", "journal: Failed 0"]
    assert (images(stage), images(stage, "shop-primary")) == (set(), {OLD_IMAGE})
    assert WORKLOADS[kind].writes.thawed(stage.now(kind, NAME)) is None
    assert stage.status["phase"] == Phase.FAILED


@EVERY_KIND
def test_a_newer_revision_has_its_pods_once_the_traffic_is_at_home(play: Any, kind: str) -> None:
    """Not before: while it is frozen those of the older one stay."""
    stage = staged(weight=30, kind=kind)
    play(stage, scale_up)
    template = workload(kind, "registry/shop:1.2.0")["spec"]["template"]
    stage.change(kind, NAME, {"spec": {"template": template}})
    assert images(stage) == {NEW_IMAGE}
    play(stage, supersede, outcome=Outcome.SUPERSEDED, reason="a newer revision came")
    assert images(stage) == {"registry/shop:1.2.0"}
    assert stage.route.weights[NAME] == 0


@EVERY_KIND
def test_a_target_that_is_thawed_while_it_is_judged_is_frozen_again(play: Any, kind: str) -> None:
    """A GitOps controller that applies it whole puts back what freezing has changed: the next push finds it frozen."""
    stage = judged({"analysis": {"interval": "0s"}}, kind=kind)
    play(stage, scale_up)
    writes = WORKLOADS[kind].writes
    stage.change(kind, NAME, writes.thawed(stage.now(kind, NAME)) or {})
    assert writes.frozen(stage.now(kind, NAME)) is not None
    play(stage, analyse, step=1, traffic=Traffic(30))
    assert writes.frozen(stage.now(kind, NAME)) is None


@EVERY_KIND
def test_the_baseline_is_of_the_target_s_kind(play: Any, kind: str) -> None:
    """New pods of what the primary runs, gone when the release is over."""
    compared: dict[str, Any] = {
        "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}],
        "comparison": {},
    }
    stage = staged({"analysis": {"stepWeights": [10, 30, 50], **compared}}, replicas=0, weight=0, kind=kind)
    assert play(stage, scale_up).scaled
    assert images(stage, "shop-baseline") == {OLD_IMAGE}
    assert len(stage.cluster.pods("shop-baseline", NAMESPACE)) == len(stage.cluster.pods(NAME, NAMESPACE))
    play(stage, roll_back, reason="no")
    assert images(stage, "shop-baseline") == set()
