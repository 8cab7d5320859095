"""The comparison with a baseline: which metrics are worse, what they come to, and what is never held against a release."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.judge.baseline.samples import LEAST, MOST, Samples, samples
from sluice.judge.baseline.score import Classification, Ruling, graded, scored
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.manifests.flagger.comparison import AnalysisComparison
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective
from tests.samples import duration, success_rate
from tests.sluice.judge.traffic import PERIOD, binomial

SETTINGS = AnalysisComparison()
GOOD, BAD = [100.0] * 10, [50.0, 40.0, 60.0, 50.0, 45.0, 55.0, 50.0, 40.0, 60.0, 50.0]
SHARES = st.lists(st.floats(0, 100), min_size=LEAST, max_size=MOST)


def metric(part: dict[str, Any] | None = None, **more: Any) -> Objective:
    return Objective.of(CanaryMetric.model_validate({**(part or success_rate(99)), **more}))


def against(canary: list[float], baseline: list[float]) -> Samples:
    return Samples(tuple(canary), tuple(baseline))


def told(*metrics: tuple[Objective, Samples], last: bool = True) -> Ruling:
    objectives = [objective for objective, _ in metrics]
    seen = {objective.metric.name: samples for objective, samples in metrics}
    return graded(scored(objectives, seen), SETTINGS, last=last)


def traffic(dice: random.Random, blocks: int, each: int, canary: float, baseline: float) -> Samples:
    """What a release's scrapes come to, both sides with the same traffic."""
    seen, now, sides = [], 0.0, Sides()
    for _ in range(blocks):
        now += PERIOD
        sides = Sides(
            Counts(sides.canary.requests + each, sides.canary.bad + binomial(dice, each, canary)),
            Counts(sides.primary.requests + each, sides.primary.bad + binomial(dice, each, baseline)),
        )
        seen.append((now, sides))
    return samples(seen)


def test_a_worse_canary_is_rolled_back_and_the_sentence_says_by_how_much() -> None:
    """The metric that failed, both sides' numbers, how far they are apart, and over how many samples."""
    said, fatal = told((metric(), against(BAD, GOOD)))
    assert (said.verdict, fatal) == (Verdict.FAIL, True)
    assert said.reason == (
        "score 0 of 100 against the baseline: request-success-rate 50 % good, the baseline 100 %, over 10 samples each: "
        "low, 45 to 55 points apart, in 100 % of all pairs; below 75"
    )


@pytest.mark.parametrize("share", [0.0, 100.0, 99.3])
def test_what_is_alike_passes_whatever_it_is(share: float) -> None:
    """All-good, all-bad and everything between: this judge asks for no more than what the baseline does."""
    said, _ = told((metric(), against([share] * 10, [share] * 10)))
    assert said.verdict is Verdict.PASS
    assert said.reason.startswith("score 100 of 100 against the baseline: request-success-rate ")


@given(SHARES)
def test_equal_samples_pass_in_any_order(shares: list[float]) -> None:
    """Nothing differs where the same values came in another order."""
    assert told((metric(), against(shares, shares[::-1])))[0].verdict is Verdict.PASS


@given(SHARES, SHARES)
def test_a_canary_cannot_be_worse_than_what_is_worse_than_it(canary: list[float], baseline: list[float]) -> None:
    """Of two sides one can be worse at most; better by any amount passes."""
    ways = [
        scored([metric()], {"request-success-rate": against(*pair)}).value
        for pair in ((canary, baseline), (baseline, canary))
    ]
    assert sum(ways) >= 100


@pytest.mark.parametrize(
    ("bounds", "canary", "said"),
    [
        ({"min": 99}, BAD, Classification.LOW),
        ({"min": 99}, [100.0] * 10, Classification.PASS),
        ({"min": 90, "max": 99}, BAD, Classification.LOW),
        ({"min": 90, "max": 99}, [100.0] * 10, Classification.HIGH),
    ],
    ids=["worse", "better", "range, worse", "range, better"],
)
def test_only_the_side_that_has_a_bound_is_bad(bounds: Any, canary: list[float], said: Classification) -> None:
    """With one bound a better canary passes; a range means that any difference is looked at."""
    objective = metric({"name": "request-success-rate", "thresholdRange": bounds})
    (one,) = scored([objective], {"request-success-rate": against(canary, [80.0] * 10)}).metrics
    assert one.classification is said


def test_a_slower_canary_is_worse_by_its_one_bound() -> None:
    """For a duration the bound is the most; the good share, of fast requests, is then too low."""
    (one,) = scored([metric(duration(500))], {"request-duration": against(BAD, GOOD)}).metrics
    assert one.classification is Classification.LOW


def test_weights_make_the_score() -> None:
    """One of four parts fails: 75, which the last step does not take, and an earlier one does."""
    both = (metric(weight=3), against(GOOD, GOOD)), (metric(duration(500), weight=1), against(BAD, GOOD))
    last, early = told(*both), told(*both, last=False)
    assert (last.judgement.verdict, last.fatal) == (Verdict.FAIL, False)
    assert last.judgement.reason.startswith("score 75 of 100 against the baseline: request-duration 50 % good")
    assert last.judgement.reason.endswith("; 95 needed")
    assert (early.judgement.verdict, early.fatal) == (Verdict.PASS, False)


def test_a_critical_metric_that_fails_makes_the_score_zero() -> None:
    """However much the others weigh."""
    said, fatal = told(
        (metric(weight=99), against(GOOD, GOOD)), (metric(duration(500), critical=True), against(BAD, GOOD))
    )
    assert fatal
    assert said.reason.startswith("score 0 of 100")
    assert "low and critical" in said.reason


@pytest.mark.parametrize("critical", [False, True])
def test_too_few_samples_are_no_data_and_never_bad_data(critical: bool) -> None:
    """One sample less than is needed, as bad as can be: nothing is said, and the sentence says what is missing."""
    said, fatal = told((metric(critical=critical), against([0.0] * (LEAST - 1), [100.0] * (LEAST - 1))))
    assert (said.verdict, fatal) == (Verdict.NO_DATA, False)
    assert f"request-success-rate has {LEAST - 1} samples to compare, {LEAST} are needed" in said.reason


def test_what_is_certain_already_does_not_wait_for_the_others_data() -> None:
    """A metric without samples could not bring the score back."""
    said, fatal = told((metric(weight=9), against(BAD, GOOD)), (metric(duration(500)), Samples()))
    assert (said.verdict, fatal) == (Verdict.FAIL, True)


def test_a_metric_without_data_holds_a_step_that_the_others_pass() -> None:
    """Nothing is promoted by half of what was asked."""
    assert (
        told((metric(), against(GOOD, GOOD)), (metric(duration(500)), Samples())).judgement.verdict is Verdict.NO_DATA
    )


def test_a_sample_is_two_seconds_in_which_both_had_requests() -> None:
    """Scrapes that come sooner, and those in which one had none, wait for the next; nothing is left out."""
    moments = [
        (1.0, Sides(Counts(4, 0), Counts(4, 2))),
        (1.5, Sides(Counts(6, 1), Counts(6, 2))),  # too soon
        (3.0, Sides(Counts(8, 2), Counts(8, 2))),
        (5.0, Sides(Counts(8, 2), Counts(9, 3))),  # nobody came to the canary
        (7.0, Sides(Counts(9, 2), Counts(10, 3))),
    ]
    assert samples(moments) == against([100.0, 50.0, 100.0], [50.0, 100.0, 50.0])
    assert len(samples([])) == 0


@given(st.integers(0, 400))
def test_there_are_never_more_than_forty_samples_nor_fewer_than_twenty_of_many(blocks: int) -> None:
    """Neighbours are put together as a release goes on; each request stays in."""
    found = traffic(random.Random(1), blocks, 4, 0.5, 0.5)
    assert min(blocks, MOST // 2) <= len(found) <= MOST


@pytest.mark.parametrize(("failing", "seconds", "least"), [(0.5, 20, 0.99), (0.05, 120, 0.95), (0.02, 600, 0.9)])
def test_a_shift_is_found(failing: float, seconds: int, least: float) -> None:
    """At 10 requests a second of each, against a baseline of which one in a thousand fails."""
    dice, found = random.Random(2), 0
    for _ in range(200):
        found += told((metric(), traffic(dice, round(seconds / PERIOD), 20, failing, 0.001))).fatal
    assert found / 200 >= least


@pytest.mark.parametrize("rate", [0.005, 0.05, 0.5], ids=str)
def test_a_release_that_is_as_good_as_its_baseline_is_seldom_rolled_back(rate: float) -> None:
    """Ten looks, one at the end of each step; each of them is wrong once in a hundred times at most, and most agree."""
    dice, releases, wrong = random.Random(3), 100, 0
    for _ in range(releases):
        seen, sides = [], Sides()
        for block in range(1, 301):
            more = [Counts(20, binomial(dice, 20, rate)) for _ in range(2)]
            canary, baseline = (
                Counts(old.requests + new.requests, old.bad + new.bad)
                for old, new in zip((sides.canary, sides.primary), more, strict=True)
            )
            sides = Sides(canary, baseline)
            seen.append((PERIOD * block, sides))
        looks = (scored([metric()], {"request-success-rate": samples(seen[: 30 * step])}) for step in range(1, 11))
        wrong += any(look.value == 0 for look in looks)
    assert wrong / releases <= 0.05
