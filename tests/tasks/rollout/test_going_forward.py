"""The stages that take a revision to its users: begin, gates, scale up, shift traffic."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sluice.errors import InvalidError, StaleError, TransientError
from sluice.gates.points import POINTS
from sluice.manifests.flagger.phase import Phase
from sluice.notices.message import Occasion
from sluice.rollout.journal import judge_state
from sluice.rollout.revision import revision_of
from sluice.rollout.strategies.base import Traffic
from tasks.rollout.ask_gate import ask_gate
from tasks.rollout.begin import begin
from tasks.rollout.initialise import initialise
from tasks.rollout.scale_up import scale_up
from tasks.rollout.shift_traffic import shift_traffic
from tests.samples import NAME, canary, deployment, gate
from tests.tasks.conftest import NEW_IMAGE, OLD_IMAGE, Stage, staged


class Stop(BaseException):
    """The process is gone."""


def fresh(replicas: int = 2) -> Stage:
    """A Canary for which nothing was made yet."""
    stage = staged()
    stage.cluster.objects.pop(("Deployment", "shop-test", "shop-primary"))
    stage.change("Canary", NAME, {"status": None})
    stage.cluster.add({**deployment(OLD_IMAGE, replicas=replicas)})
    stage.route.weights.clear()
    return stage


def test_initialise_lets_the_primary_serve_before_the_target_rests(play: Any) -> None:
    """The primary is ready and routed to before the target's pods, which serve users until then, are taken away."""
    stage = fresh()
    result = play(stage, initialise)
    assert stage.acts == [
        "journal: Initializing 0",
        "apply Deployment shop-primary with 2",
        "patch Deployment shop with 0",
        "journal: Initialized 0",
    ]
    assert stage.route.weights == {NAME: 0}
    assert stage.status["lastPromotedSpec"] == stage.status["lastAppliedSpec"] == revision_of(deployment(OLD_IMAGE))
    assert result.reason == "the primary runs 1.0.0"


@pytest.mark.parametrize("at", range(1, 9))
def test_initialise_can_be_broken_off_anywhere_and_done_again(play: Any, at: int) -> None:
    """Idempotent: whatever write it was stopped at, the second time brings it to its end, with one primary."""
    stage, writes = fresh(), 0

    def stop(when: str, verb: str, item: dict[str, Any]) -> None:
        nonlocal writes
        writes += 1
        if writes == at:
            raise Stop

    stage.cluster.hooks.append(stop)
    with pytest.raises(Stop):
        play(stage, initialise)
    play(stage, initialise)
    assert stage.status["phase"] == Phase.INITIALIZED
    assert stage.now("Deployment", "shop-primary")["spec"]["replicas"] == 2
    assert stage.now("Deployment", NAME)["spec"]["replicas"] == 0


def test_users_that_are_at_the_target_come_to_the_primary_before_the_target_rests(play: Any) -> None:
    """The status was lost in the middle of a promotion, when all of them were there."""
    stage = staged(weight=100)
    stage.change("Canary", NAME, {"status": None})
    play(stage, initialise)
    acts = stage.acts
    assert acts.index("shift to 0") < acts.index("patch Deployment shop with 0")
    assert stage.route.weights == {NAME: 0}


def test_a_target_at_zero_still_gets_a_primary_that_serves(play: Any) -> None:
    """Who adopts a Canary while the target rests gets one pod and not none."""
    stage = fresh(replicas=0)
    play(stage, initialise)
    assert stage.now("Deployment", "shop-primary")["spec"]["replicas"] == 1


def test_begin_takes_an_older_revision_s_traffic_home_before_it_writes(play: Any) -> None:
    """What an interrupted run left at the router never becomes the new revision's traffic."""
    stage = staged(weight=30)
    play(stage, begin)
    assert stage.acts == ["shift to 0", "journal: Progressing 0"]
    assert (stage.status["step"], stage.status["failedChecks"], stage.status["canaryWeight"]) == (-1, 0, 0)


def test_begin_starts_evidence_anew(play: Any) -> None:
    """Nobody is judged by what the revision before did."""
    stage = staged(evidence={"revision": "older", "since": 1.0, "metrics": {}})
    play(stage, begin)
    kept = judge_state(canary(None, stage.status), stage.ref.revision, time.time())
    assert (kept.revision, kept.metrics) == (stage.ref.revision, {})
    assert kept.since > 1.0


def test_nothing_begins_where_the_cluster_does_not_keep_the_journal(play: Any) -> None:
    """Flagger's own definition of the kind prunes what sluice remembers: a release would begin its first step for ever."""
    stage = staged(weight=0)

    def prune(when: str, verb: str, item: dict[str, Any]) -> None:
        if when == "after" and item.get("kind") == "Canary":
            for name in ("begunWith", "step", "evidence"):
                item["status"].pop(name, None)

    stage.cluster.hooks.append(prune)
    with pytest.raises(
        InvalidError, match=r"drops status\.begunWith, .*status\.step.*: .*sluice crds \| kubectl apply"
    ):
        play(stage, begin)
    assert not any(act.startswith(("shift", "patch Deployment")) for act in stage.acts)


def test_shift_writes_its_intent_before_it_moves_traffic(play: Any) -> None:
    """A worker that dies in between leaves a journal that says where the traffic is going, and since when."""
    stage = staged(weight=30)
    play(stage, shift_traffic, step=2, traffic=Traffic(60), failed_checks=1)
    assert stage.acts == ["journal: Progressing 60", "shift to 60"]
    assert (stage.status["step"], stage.status["failedChecks"]) == (2, 1)
    assert stage.status["stepStarted"] > 1.0


def test_a_shift_that_was_broken_off_goes_on_without_a_new_step(play: Any) -> None:
    """The intent is there, only the router is behind: the step is not begun anew."""
    stage = staged(weight=30)
    stage.breaks("shift", "before", Stop())
    with pytest.raises(Stop):
        play(stage, shift_traffic, step=2, traffic=Traffic(60))
    began = stage.status["stepStarted"]
    play(stage, shift_traffic, step=2, traffic=Traffic(60))
    assert stage.status["stepStarted"] == began
    assert stage.acts == ["journal: Progressing 60", "shift to 60"]


def test_nobody_is_given_to_a_canary_whose_service_offers_none_of_its_pods(play: Any) -> None:
    """Its Service may have been turned, deleted or replaced since its pods were seen ready."""
    stage = staged(weight=0, replicas=0, step=-1)
    with pytest.raises(TransientError, match="Service shop-test/shop-canary offers no ready pod of shop"):
        play(stage, shift_traffic, step=0, traffic=Traffic(10))
    assert stage.route.weights[NAME] == 0


def test_traffic_that_somebody_moved_is_put_back_without_a_new_step(play: Any) -> None:
    """Drift at the router is no news for the journal."""
    stage = staged(weight=30)
    stage.route.weights[NAME] = 77
    play(stage, shift_traffic, step=1, traffic=Traffic(30))
    assert stage.acts == ["shift to 30"]
    assert stage.status["stepStarted"] == 1.0


@pytest.mark.parametrize(
    ("task", "decided"),
    [
        (shift_traffic, {"step": 2, "traffic": Traffic(60)}),
        (scale_up, {}),
        (ask_gate, {"point": POINTS["pre-rollout"]}),
    ],
    ids=lambda v: str(v)[:20],
)
def test_no_stage_acts_for_a_revision_that_the_journal_is_not_about(
    play: Any, task: Any, decided: dict[str, Any]
) -> None:
    """A run that was superseded without knowing it changes nothing any more."""
    stage = staged(lastAppliedSpec="another")
    with pytest.raises(StaleError, match="another"):
        play(stage, task, **decided)
    assert stage.acts == []


KINDS = ("confirm-rollout", "pre-rollout", "confirm-traffic-increase", "confirm-promotion")
GATES = {"analysis": {"webhooks": [gate(kind) for kind in KINDS]}}


@pytest.mark.parametrize(
    ("kind", "closed", "phase"),
    [
        ("confirm-rollout", True, Phase.WAITING),
        ("confirm-rollout", False, Phase.PROGRESSING),
        ("confirm-promotion", True, Phase.WAITING_PROMOTION),
        ("confirm-promotion", False, Phase.PROGRESSING),
        ("pre-rollout", True, Phase.PROGRESSING),
        ("confirm-traffic-increase", True, Phase.PROGRESSING),
        ("confirm-traffic-increase", False, Phase.PROGRESSING),
    ],
)
def test_a_closed_gate_is_seen_in_the_phase(play: Any, kind: str, closed: bool, phase: Phase) -> None:
    """`kubectl get canary` says that it waits, and for what; only the gates of that type are asked."""
    stage = staged(GATES)
    stage.gates.closed = {kind} if closed else set()
    result = play(stage, ask_gate, point=POINTS[kind])
    assert (result.opened, result.closed and result.closed.point.type) == (("", kind) if closed else (kind, None))
    assert stage.gates.asked == [kind]
    assert stage.status["phase"] == phase


def test_a_closed_gate_of_an_increase_says_so_and_moves_nothing(play: Any) -> None:
    """Its phase is Flagger's, Progressing, so that only the message says what is waited for."""
    stage = staged(GATES, weight=10, step=0, canaryWeight=10)
    stage.gates.closed = {"confirm-traffic-increase"}
    play(stage, ask_gate, point=POINTS["confirm-traffic-increase"], traffic=Traffic(10))
    (promoted,) = [one for one in stage.status["conditions"] if one["type"] == "Promoted"]
    assert promoted["message"].startswith("Gate confirm-traffic-increase: ")
    assert (stage.route.weights[NAME], stage.status["failedChecks"]) == (10, 0)


@pytest.mark.parametrize(("muted", "news"), [(False, Occasion.GATE_WAITS), (True, None)])
def test_a_muted_gate_is_not_posted(play: Any, muted: bool, news: Occasion | None) -> None:
    """`muteAlert`: people who are asked by their own means are not asked twice."""
    hook = {**gate("confirm-rollout"), "muteAlert": muted}
    stage = staged({"analysis": {"webhooks": [hook]}})
    stage.gates.closed = {"confirm-rollout"}
    assert play(stage, ask_gate, point=POINTS["confirm-rollout"]).news is news


def test_an_opened_gate_ends_the_waiting(play: Any) -> None:
    """Waiting goes back to Progressing when the gate opens."""
    stage = staged(GATES, phase=Phase.WAITING)
    play(stage, ask_gate, point=POINTS["confirm-rollout"])
    assert stage.status["phase"] == Phase.PROGRESSING


def test_a_failed_gate_check_is_counted_in_the_journal(play: Any) -> None:
    """The count survives a crash."""
    stage = staged(GATES)
    stage.gates.closed = {"pre-rollout"}
    play(stage, ask_gate, point=POINTS["pre-rollout"], failed_checks=1)
    assert stage.status["failedChecks"] == 1


def test_the_new_revision_is_what_the_target_holds() -> None:
    """The scene that these tests play on is a release of the new image."""
    assert staged().ref.revision == revision_of(deployment(NEW_IMAGE))
