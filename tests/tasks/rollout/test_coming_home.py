"""The stages that end a release: promote, finalise, roll back, supersede. Traffic first, pods after it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.kinds import CANARY
from sluice.errors import ConflictError, StaleError, TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from sluice.rollout.objects import REVISION_ANNOTATION
from sluice.rollout.revision import revision_of
from tasks.rollout.finalise import finalise
from tasks.rollout.promote import promote
from tasks.rollout.roll_back import roll_back
from tasks.rollout.supersede import supersede
from tests.laws.town import stranger
from tests.samples import NAME, NAMESPACE, copied, deployment
from tests.tasks.conftest import NEW_IMAGE, OLD_IMAGE, Stage, staged


class Stop(BaseException):
    """The process is gone."""


def image(stage: Stage, name: str) -> str:
    return str(stage.now("Deployment", name)["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_promotion_moves_all_traffic_to_the_canary_before_the_primary_is_touched(play: Any) -> None:
    """Nothing that serves users is replaced while the route points at it, and the route comes back only afterwards.

    The canary is held at its template before all traffic is on it, so that a push cannot put an unjudged one there.
    """
    stage = staged(weight=60)
    play(stage, promote)
    assert stage.now("Deployment", "shop")["spec"]["paused"] is True
    assert "paused" not in stage.now("Deployment", "shop-primary")["spec"]
    assert stage.acts == [
        "patch Deployment shop with 2",
        "journal: Promoting 100",
        "shift to 100",
        "apply Deployment shop-primary with 2",
        "shift to 0",
        "journal: Finalising 0",
    ]
    assert image(stage, "shop-primary") == NEW_IMAGE
    assert stage.status["lastPromotedSpec"] == stage.ref.revision
    assert stage.now("Deployment", "shop-primary")["metadata"]["annotations"][REVISION_ANNOTATION] == stage.ref.revision


@pytest.mark.parametrize("at", range(1, 11))
def test_a_promotion_can_be_broken_off_anywhere_and_done_again(play: Any, at: int) -> None:
    """Idempotent at every write; the primary keeps its size."""
    stage, writes = staged(weight=60), 0

    def stop(when: str, verb: str, item: dict[str, Any]) -> None:
        nonlocal writes
        writes += 1
        if writes == at:
            raise Stop

    stage.cluster.hooks.append(stop)
    with pytest.raises(Stop):
        play(stage, promote)
    play(stage, promote)
    assert stage.status["phase"] == Phase.FINALISING
    assert stage.route.weights[NAME] == 0
    assert stage.now("Deployment", "shop-primary")["spec"]["replicas"] == 2


def test_a_held_target_follows_its_template_again_when_it_is_scaled(play: Any) -> None:
    """What promote holds, finalise lets go: the next push finds a target that takes it."""
    stage = staged(weight=60)
    play(stage, promote)
    play(stage, finalise)
    assert not stage.now("Deployment", "shop")["spec"].get("paused")


def test_what_was_not_judged_is_never_promoted(play: Any) -> None:
    """A target that moved on since the last verdict is not copied, and nothing is written."""
    stage = staged(weight=60)
    stage.push()
    with pytest.raises(StaleError, match="changed since"):
        play(stage, promote)
    assert stage.acts == []
    assert image(stage, "shop-primary") == OLD_IMAGE


def test_a_primary_that_does_not_come_up_leaves_the_traffic_on_the_canary(play: Any) -> None:
    """The judged canary carries the users until the primary serves; the reason is the pod's own."""
    stage = staged({"progressDeadlineSeconds": 0.05}, weight=60)
    stage.cluster.unready.add("shop-primary")
    with pytest.raises(TransientError, match=r"shop-primary did not come up with 1\.1\.0: pod shop-primary-pod-0"):
        play(stage, promote)
    assert stage.route.weights[NAME] == 100
    assert stage.status["phase"] == Phase.PROMOTING


def test_a_promotion_that_waits_for_the_primary_writes_nothing_twice(play: Any) -> None:
    """However often it is tried: each write would be a change of the primary, and a line of the journal."""
    stage = staged({"progressDeadlineSeconds": 0.05}, weight=60)
    stage.cluster.unready.add("shop-primary")
    for _ in range(2):
        with pytest.raises(TransientError, match="shop-primary did not come up"):
            play(stage, promote)
    assert [act for act in stage.acts if "Service" not in act] == [
        "patch Deployment shop with 2",
        "journal: Promoting 100",
        "shift to 100",
        "apply Deployment shop-primary with 2",
        "journal: Promoting 100",
    ]


def test_finalise_scales_the_canary_down_and_closes_the_journal(play: Any) -> None:
    """The canary rests until the next revision, and the journal says so."""
    stage = staged(weight=0, phase=Phase.FINALISING)
    play(stage, finalise)
    assert stage.acts == ["patch Deployment shop with 0", "journal: Succeeded 0"]


def test_finalise_takes_traffic_home_first_where_some_is_left(play: Any) -> None:
    """No pod that users could still meet is taken away."""
    stage = staged(weight=5, phase=Phase.FINALISING)
    play(stage, finalise)
    assert stage.acts == ["shift to 0", "patch Deployment shop with 0", "journal: Succeeded 0"]


def test_a_rollback_takes_the_traffic_home_before_it_scales_the_canary_down(play: Any) -> None:
    """Why first, then traffic, then pods, then the end; the primary is not touched."""
    stage = staged(weight=30)
    play(stage, roll_back, reason="50 % failed", failed_checks=2)
    assert stage.acts == [
        "journal: Progressing 30",
        "shift to 0",
        "patch Deployment shop with 0",
        "journal: Failed 0",
    ]
    assert image(stage, "shop-primary") == OLD_IMAGE
    assert stage.status["failedChecks"] == 2
    assert stage.status["conditions"][0]["message"] == "1.1.0 was rolled back: 50 % failed"


@pytest.mark.parametrize("at", range(1, 9))
def test_a_rollback_can_be_broken_off_anywhere_and_keeps_its_first_reason(play: Any, at: int) -> None:
    """Whoever goes on with it tells people what the one who began knew."""
    stage, writes = staged(weight=30), 0

    def stop(when: str, verb: str, item: dict[str, Any]) -> None:
        nonlocal writes
        writes += 1
        if writes == at:
            raise Stop

    stage.cluster.hooks.append(stop)
    with pytest.raises(Stop):
        play(stage, roll_back, reason="50 % failed", failed_checks=2)
    later = stage.status.get("rollbackReason") or stage.status["phase"] == Phase.FAILED
    play(stage, roll_back, reason="another reason")
    assert stage.status["phase"] == Phase.FAILED
    assert stage.route.weights[NAME] == 0
    assert stage.now("Deployment", NAME)["spec"]["replicas"] == 0
    assert stage.status["rollbackReason"] == ""
    assert ("50 % failed" if later else "another reason") in stage.status["conditions"][0]["message"]


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED, Phase.INITIALIZED])
def test_there_is_nothing_to_take_back_at_rest(play: Any, phase: Phase) -> None:
    """A cancel that comes after the end changes nothing."""
    stage = staged(weight=0, phase=phase)
    play(stage, roll_back, reason="cancelled")
    assert stage.acts == []


def test_a_newer_revision_finds_the_traffic_at_home_and_the_pods_there(play: Any) -> None:
    """Its own run begins at once; scaling down and up again would only cost time."""
    stage = staged(weight=30)
    stage.push()
    play(stage, supersede, outcome=Outcome.SUPERSEDED, reason="a newer revision came")
    assert stage.acts == ["shift to 0", "journal: Progressing 0"]
    assert stage.now("Deployment", NAME)["spec"]["replicas"] == 2
    assert stage.status["lastAppliedSpec"] == stage.ref.revision


def test_a_revert_ends_the_release(play: Any) -> None:
    """Traffic home, canary to zero, and the journal is about the promoted revision again."""
    stage = staged(weight=30)
    stage.push(OLD_IMAGE)
    play(stage, supersede, outcome=Outcome.REVERTED, reason="put back")
    assert stage.acts == ["shift to 0", "patch Deployment shop with 0", "journal: Succeeded 0"]
    assert stage.status["lastAppliedSpec"] == stage.status["lastPromotedSpec"] != stage.ref.revision


@pytest.mark.parametrize("by", ["the same run", "a run of the newer revision"])
@pytest.mark.parametrize("outcome", [Outcome.SUPERSEDED, Outcome.REVERTED])
def test_what_the_primary_was_given_already_counts_as_promoted(play: Any, outcome: Outcome, by: str) -> None:
    """Superseded in the middle of its promotion: the journal never says that the primary runs what it does not."""
    stage = staged(weight=60)
    stage.breaks("apply", "after", Stop())
    with pytest.raises(Stop):
        play(stage, promote)
    stage.push(OLD_IMAGE if outcome is Outcome.REVERTED else "registry/shop:1.2.0")
    judged = stage.ref.revision
    if by != "the same run":
        stage.ref = stage.ref.model_copy(update={"revision": revision_of(stage.now("Deployment", NAME))})
    play(stage, supersede, outcome=outcome, reason="moved on")
    assert stage.status["lastPromotedSpec"] == judged
    assert stage.route.weights[NAME] == 0
    assert revision_of(stage.now("Deployment", NAME)) != stage.status["lastPromotedSpec"], "it will be rolled out"


def test_a_revert_before_the_primary_was_given_anything_ends_the_release_whoever_carries_it(play: Any) -> None:
    """A run of the promoted revision that finds a promotion which had not begun to act closes the journal for good."""
    stage = staged(weight=100, phase=Phase.PROMOTING)
    stage.push(OLD_IMAGE)
    stage.ref = stage.ref.model_copy(update={"revision": stage.status["lastPromotedSpec"]})
    play(stage, supersede, outcome=Outcome.REVERTED, reason="put back")
    assert stage.status["phase"] == Phase.SUCCEEDED
    assert stage.status["lastAppliedSpec"] == stage.status["lastPromotedSpec"]


@pytest.mark.parametrize(
    ("stage", "decided", "phase"),
    [
        pytest.param(finalise, {}, Phase.FINALISING, id="promoted"),
        pytest.param(roll_back, {"reason": "bad"}, Phase.PROGRESSING, id="rolled back"),
        pytest.param(supersede, {"outcome": Outcome.REVERTED, "reason": "put back"}, Phase.PROGRESSING, id="reverted"),
    ],
)
def test_the_journal_says_which_run_came_to_which_end(
    play: Any, request: pytest.FixtureRequest, stage: Any, decided: dict[str, Any], phase: Phase
) -> None:
    """A process may die after it has closed the journal and before it has told Prefect: its run finds its end here."""
    release = staged(weight=0, phase=phase)
    play(release, stage, **decided)
    assert release.status["ends"] == [{"run": "run", "outcome": request.node.callspec.id}]


def test_a_run_that_finishes_an_older_revision_s_rollback_has_not_come_to_its_own_end(play: Any) -> None:
    """Else it would never begin what it was started for."""
    release = staged(weight=0, phase=Phase.PROGRESSING, lastAppliedSpec="older", rollbackReason="bad")
    play(release, roll_back, reason="bad")
    assert release.status["phase"] == Phase.FAILED
    assert not release.status.get("ends")


def test_an_older_revision_s_rollback_names_that_revision(play: Any) -> None:
    """By whichever run it is finished: its reason is not the newer one's."""
    begun = {"version": "1.0.9", "targetRef": {"kind": "Deployment", "name": "shop"}}
    release = staged(phase=Phase.PROGRESSING, lastAppliedSpec="older", rollbackReason="bad", begunWith=begun)
    result = play(release, roll_back, reason="bad")
    assert release.status["conditions"][0]["message"] == "1.0.9 was rolled back: bad"
    assert (result.about, result.reason) == ("1.0.9", "bad")


def test_only_the_last_ends_are_kept(play: Any) -> None:
    """A Canary lives for years of releases."""
    ends = [{"run": f"run-{number}", "outcome": "promoted"} for number in range(5)]
    release = staged(weight=0, phase=Phase.FINALISING, ends=ends)
    play(release, finalise)
    assert [one["run"] for one in release.status["ends"]] == ["run-1", "run-2", "run-3", "run-4", "run"]


def test_who_takes_over_leaves_alone_what_somebody_else_put_in_the_primary_s_place(fence: Any) -> None:
    """Its writers are not ours to shut out."""
    stage = staged()
    stage.cluster.add(stranger("Deployment", "shop-primary", NAMESPACE, deployment(name="other")["spec"]))
    before = copied(stage.now("Deployment", "shop-primary"))
    fence(stage)
    assert stage.now("Deployment", "shop-primary") == before


def test_an_entry_of_a_run_that_was_fenced_out_is_refused(fence: Any) -> None:
    """A worker was stopped while it opened the journal, and the one that took over found nothing to do and wrote nothing."""
    stage = staged()
    version = stage.now("Canary", NAME)["metadata"]["resourceVersion"]
    fence(stage)
    late = {"metadata": {"resourceVersion": version}, "status": {"phase": Phase.FAILED}}
    with pytest.raises(ConflictError):
        asyncio.run(stage.cluster.patch(CANARY, NAME, NAMESPACE, late, subresource="status"))
    assert stage.status["phase"] == Phase.PROGRESSING
