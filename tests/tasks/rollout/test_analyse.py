"""Judging through a step: when its word comes, and what it is not mistaken about."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sluice.errors import InvalidError, NotFoundError
from sluice.judge.verdict import Verdict
from sluice.replay.by_threshold import ByThreshold
from sluice.replay.recording import Recording, replay
from sluice.rollout.journal import judge_state
from sluice.rollout.strategies.base import Traffic
from tasks.people.record import rows
from tasks.rollout.analyse import analyse
from tests.samples import NAME, canary, gate, success_rate
from tests.tasks.conftest import staged
from tests.tasks.steps import judged, over


def test_overwhelming_evidence_ends_a_release_in_the_middle_of_a_step(play: Any) -> None:
    """A broken revision is not held in front of users until its step is over; the threshold does not matter."""
    stage = judged()
    stage.metrics.fails = 0.5
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, result.judgement.verdict) == (True, Verdict.FAIL)
    assert "request-success-rate" in result.judgement.reason
    assert result.judgement.readings[0].value == pytest.approx(50, abs=1)


def test_a_verdict_is_given_again_from_what_the_step_recorded(play: Any) -> None:
    """Bit for bit: the same word, numbers and odds, whatever was asked of the provider since."""
    stage = judged()
    stage.metrics.fails = 0.5
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    *_, last = replay([Recording.unpacked(one) for one in result.recordings])
    assert last.judgement == result.judgement
    assert last.weight == 30


def test_a_good_step_passes_at_its_end(play: Any) -> None:
    """The word is about the step's window, and its moments are there for the chart."""
    result = play(over(), analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, result.judgement.verdict, result.step, result.weight) == (False, Verdict.PASS, 1, 30)
    assert result.points[-1].success == 100.0
    assert result.points[-1].requests > 0


def test_a_step_s_evidence_is_told_beside_its_word_whoever_gave_it(play: Any) -> None:
    """Flagger's check at the end passed it; what was counted, and what to believe by then, is in the record's table."""
    (row,) = rows([play(over(), analyse, step=1, traffic=Traffic(30)).step])
    assert row["metric"] == "request-success-rate"
    assert str(row["bad since the release began"]).startswith("0 of ")
    assert float(str(row["breaks its objective with probability"]).removesuffix(" %")) < 50
    assert str(row["odds: worse than the primary"]).endswith(":1")


def test_a_breach_at_the_end_of_a_step_is_a_failed_check_and_not_the_end(play: Any) -> None:
    """What is not overwhelming is the threshold's to decide, and its check too is made again from what was recorded."""
    stage = over({"analysis": {"metrics": [{**success_rate(99), "interval": "1s"}]}})
    stage.metrics.fails = 0.02
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, result.judgement.verdict) == (False, Verdict.FAIL)
    (again,) = ByThreshold().judge([Recording.unpacked(one) for one in result.recordings])
    assert again.judgement.readings == result.judgement.readings
    assert again.judgement.reason == f"1 of 2 failed checks: {result.judgement.reason}"


def test_a_newer_revision_cuts_the_step_short(play: Any) -> None:
    """The old revision's step ends at once, with no word about it."""
    stage = judged()
    stage.push()
    assert play(stage, analyse, step=1, traffic=Traffic(30)).step.judgement.verdict is Verdict.CONTINUE


def test_evidence_waits_for_the_end_of_the_step_where_that_is_wanted(play: Any) -> None:
    """`earlyFail: false` leaves the word to Flagger's check, which counts instead of ending the release."""
    stage = over({"analysis": {"earlyFail": False}})
    stage.metrics.fails = 0.5
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, result.judgement.verdict) == (False, Verdict.FAIL)


def test_a_pause_holds_the_step_and_goes_on_judging(play: Any) -> None:
    """While it is paused the step does not end, however long it takes; a bad revision still ends."""
    stage = over()
    stage.signals.paused = True
    asked = 0

    async def samples(*args: Any) -> Any:
        nonlocal asked
        asked += 1
        stage.metrics.fails = 0.5 if asked > 20 else 0.0
        return await type(stage.metrics).samples(stage.metrics, *args)

    stage.metrics.samples = samples  # type: ignore[method-assign]
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert asked > 20
    assert result.fatal


def test_evidence_is_in_the_journal_when_the_step_is_over(play: Any) -> None:
    """The next step and the next worker go on from it."""
    stage = over()
    play(stage, analyse, step=1, traffic=Traffic(30))
    kept = judge_state(canary(None, stage.status), stage.ref.revision, time.time())
    assert kept.metrics["request-success-rate"].evidence.requests > 0


def test_a_step_that_was_interrupted_is_not_held_anew_and_one_that_failed_is(play: Any) -> None:
    """Going on keeps the step's beginning; holding it for another interval moves it."""
    stage = over()
    began = stage.status["stepStarted"]
    play(stage, analyse, step=1, traffic=Traffic(30))
    assert stage.status["stepStarted"] == began
    stage.metrics.fails = 0.5
    play(stage, analyse, step=1, traffic=Traffic(30), another_interval=True, failed_checks=1)
    assert stage.status["stepStarted"] > began
    assert stage.status["failedChecks"] == 1


def test_rollout_webhooks_are_asked_when_the_metrics_are_good(play: Any) -> None:
    """A closed one is a failed check that names it; broken metrics ask nobody."""
    stage = over({"analysis": {"webhooks": [gate("rollout"), gate("confirm-promotion")]}})
    stage.gates.closed = {"rollout"}
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.judgement.verdict, result.judgement.reason) == (Verdict.FAIL, "gate rollout: said so")
    assert stage.gates.asked == ["rollout"]


def test_a_query_of_the_user_s_own_is_held_against_its_range(play: Any) -> None:
    """Both bounds count, both ends are good, and the variables are filled in."""
    own = {"name": "own", "interval": "1m", "thresholdRange": {"min": 1, "max": 5}, "templateRef": {"name": "t"}}
    template = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": "t", "namespace": "shop-test"},
        "spec": {"provider": {"type": "prometheus"}, "query": "q{{ target }}"},
    }
    for value, verdict in ((0.9, Verdict.FAIL), (1.0, Verdict.PASS), (5.0, Verdict.PASS), (5.1, Verdict.FAIL)):
        stage = over({"analysis": {"metrics": [own]}})
        stage.cluster.add(template)
        stage.metrics.values["qshop"] = value
        assert play(stage, analyse, step=1, traffic=Traffic(30)).step.judgement.verdict is verdict
    stage.change("MetricTemplate", "t", {"spec": {"provider": {"type": "datadog"}}})
    with pytest.raises(InvalidError, match="'datadog' is not supported yet"):
        play(stage, analyse, step=1, traffic=Traffic(30))


def test_a_metric_template_that_is_not_there_is_told_by_name(play: Any) -> None:
    """A slip in templateRef is an error with a name, not a step that never ends."""
    own = {"name": "own", "interval": "1m", "thresholdRange": {"min": 1}, "templateRef": {"name": "nobody"}}
    with pytest.raises(NotFoundError, match="nobody"):
        play(over({"analysis": {"metrics": [own]}}), analyse, step=1, traffic=Traffic(30))


def test_a_target_that_was_deleted_ends_the_judging(play: Any) -> None:
    """There is nothing left to judge, and the error says what is gone."""
    stage = judged()
    stage.cluster.objects.pop(("Deployment", "shop-test", NAME))
    with pytest.raises(NotFoundError, match="shop-test/shop was deleted"):
        play(stage, analyse, step=1, traffic=Traffic(30))


def test_a_clock_that_was_an_hour_ahead_when_the_step_began_holds_it_no_longer_than_its_interval(play: Any) -> None:
    """What the journal says of the future was written by a clock that was wrong: the step is held once, and judged."""
    ahead = time.time() + 3600
    evidence = {"revision": staged().ref.revision, "since": ahead, "metrics": None}
    stage = judged({"analysis": {"interval": "1s"}}, began=ahead, evidence=evidence)
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert result.judgement.verdict is Verdict.PASS
    assert result.judgement.readings[0].requests
