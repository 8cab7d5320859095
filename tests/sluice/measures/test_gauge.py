"""Gauges: outside of the range look after look, and what is no trouble."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from sluice.judge.judgement import Judgement
from sluice.judge.policy import Policy
from sluice.judge.sequential import Look, judge
from sluice.judge.state import JudgeState
from sluice.judge.verdict import Silence, Verdict
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures.counts import Counts, Sides
from sluice.measures.gauge import KEPT, GaugeTally
from sluice.measures.objective import Objective
from tests.sluice.judge.traffic import PERIOD, SUCCESS, at_most

AGE = Objective.of(
    CanaryMetric.model_validate(
        {"name": "queue-age", "every": "2s", "templateRef": {"name": "age"}, "thresholdRange": {"max": 30}}
    )
)
GOOD, BAD = 5.0, 60.0


@dataclass
class Looks:
    """A judge who looks at one gauge every two seconds."""

    policy: Policy = field(default_factory=Policy)
    state: JudgeState = field(default_factory=lambda: JudgeState(revision="r", since=0.0))
    tally: GaugeTally = field(default_factory=lambda: GaugeTally(AGE))
    now: float = 0.0

    def see(self, canary: float | None, primary: float | None = None) -> Judgement:
        self.now += PERIOD
        self.tally.add(self.now, canary, primary)
        name = AGE.metric.name
        known = self.state.metrics.get(name)
        scrapes = {name: self.tally.moments(known.taken if known else 0.0)}
        look = Look(self.now, self.tally.newest, 10, 0.0, scrapes, {name: self.tally.last})
        self.state, said = judge(self.state, [AGE], look, self.policy)
        return said

    def until(self, verdict: Verdict, canary: float, primary: float | None = None, most: int = 200) -> int:
        for number in range(1, most + 1):
            if self.see(canary, primary).verdict is verdict:
                return number
        return most + 1


@pytest.mark.parametrize(
    ("primary", "looks"),
    [pytest.param(None, 11, id="nobody to compare with"), pytest.param(GOOD, 13, id="a primary that is within")],
)
def test_a_gauge_that_is_out_and_stays_out_fails_the_release(primary: float | None, looks: int) -> None:
    """So many looks in a row, by a coin that was to bring it back at each of them: less than one in a thousand."""
    watch = Looks()
    assert watch.until(Verdict.FAIL, BAD, primary) == looks
    said = f"queue-age 0 % (0 of {looks} looks), objective 50 % of looks at most 30: breaks the objective"
    assert watch.state.failed.startswith(said)


def test_one_that_goes_out_after_a_long_good_time_is_found_too() -> None:
    """Half an hour within its range buries nothing."""
    watch = Looks()
    for _ in range(900):
        watch.see(GOOD, GOOD)
    assert watch.until(Verdict.FAIL, BAD, GOOD) <= 30


def test_a_peak_now_and_then_fails_nothing() -> None:
    """Ten bad looks in a row do not, and a swing in and out never does."""
    watch = Looks()
    for _ in range(20):
        assert watch.see(BAD).verdict is not Verdict.FAIL
        assert watch.see(GOOD).verdict is not Verdict.FAIL
    watch = Looks()
    assert {watch.see(BAD).verdict for _ in range(10)} == {Verdict.CONTINUE}


def test_what_the_primary_has_too_is_held_and_forgiven() -> None:
    """A queue that is old for both is no fault of the canary's."""
    watch = Looks()
    assert watch.until(Verdict.HOLD, BAD, BAD, most=40) <= 40
    assert watch.see(GOOD, GOOD).verdict is not Verdict.HOLD


def test_a_gauge_that_comes_back_by_a_coin_fails_at_most_as_often_as_alpha_says() -> None:
    """The hardest gauge that is still good: once out it stays out with probability one half at every look."""
    dice, releases, failed, policy = random.Random(5), 400, 0, Policy(alpha=0.05)
    for _ in range(releases):
        watch = Looks(policy)
        failed += any(watch.see(BAD if dice.random() < 0.5 else GOOD).verdict is Verdict.FAIL for _ in range(100))
    assert at_most(failed, releases, policy.alpha)


def test_a_step_passes_by_a_gauge_within_its_range() -> None:
    """Seven looks are 20 : 1 that it is within more often than not; nothing passes without a look."""
    assert Looks().until(Verdict.PASS, GOOD) in range(5, 9)
    watch = Looks()
    assert {watch.see(None).verdict for _ in range(30)} <= {Verdict.CONTINUE, Verdict.NO_DATA}


def test_no_value_is_no_look() -> None:
    """It is neither within nor outside, and what was seen before stands."""
    tally = GaugeTally(AGE)
    tally.add(2.0, BAD, None)
    tally.add(4.0, None, None)
    tally.add(6.0, GOOD, BAD)
    assert tally.moments(0.0) == [(2.0, Sides(Counts(1, 1))), (6.0, Sides(Counts(2, 1), Counts(1, 1)))]
    assert tally.moments(2.0) == tally.moments(0.0)[1:]
    assert (tally.newest, tally.last) == (6.0, Sides(Counts(1, 0), Counts(1, 1)))
    for at in range(8, 8 + 2 * KEPT):
        tally.add(at, GOOD)
    assert len(tally.moments(0.0)) == KEPT


def test_looks_are_no_requests() -> None:
    """A canary that answers nothing is starved, however well its gauge can be read."""
    state, objectives = JudgeState(revision="r", since=0.0), [SUCCESS, AGE]
    served, words = Counts(), []
    for number in range(1, 40):
        now = PERIOD * number
        sides = Sides(served, Counts(90 * number))
        scrapes = {SUCCESS.metric.name: [(now, sides)], AGE.metric.name: [(now, Sides(Counts(number)))]}
        state, said = judge(state, objectives, Look(now, now, 10, 0.0, scrapes, {}))
        words.append(said.silence)
    assert Silence.STARVED in words
    assert "while the primary answers" in state.failed


def test_a_memory_with_a_gauge_is_restored_bit_for_bit() -> None:
    """From the journal, with what it is."""
    watch = Looks()
    for value in (GOOD, BAD, BAD):
        watch.see(value, GOOD)
    assert JudgeState.model_validate_json(watch.state.model_dump_json()) == watch.state
    assert watch.state.metrics[AGE.metric.name].gauge
