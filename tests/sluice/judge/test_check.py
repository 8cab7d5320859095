"""The judge: when it speaks, what it says, and when it must not."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.judge.bets.wealth import log_mean
from sluice.judge.check import threshold_check
from sluice.judge.policy import ALPHA
from sluice.judge.sequential import against as overwhelming
from sluice.judge.state import JudgeState
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures.counts import Counts
from sluice.measures.objective import Objective
from sluice.measures.reading import Reading
from tests.samples import duration, success_rate
from tests.sluice.judge.traffic import with_counts

SUCCESS = Objective.of(CanaryMetric.model_validate(success_rate(99)))
DURATION = Objective.of(CanaryMetric.model_validate(duration(500)))
STRICT = Objective.of(CanaryMetric.model_validate(success_rate(99.99)))


def state(*totals: tuple[int, int], objective: Objective = SUCCESS) -> JudgeState:
    """The judge's memory after scrapes with these totals since the release began."""
    result = JudgeState(revision="r1", since=0.0)
    for requests, bad in totals:
        result = with_counts(result, objective, Counts(requests=requests, bad=bad))
    return result


def reading(value: float | None, within: bool = True, metric: str = "m") -> Reading:
    return Reading(metric=metric, value=value, bound="min 1", within=within)


def test_a_broken_release_is_failed_with_the_numbers() -> None:
    """The reason names the metric, the value, the requests and the odds: a person can check it."""
    judgement = overwhelming(state((50, 25), (100, 50), (150, 75)), [SUCCESS])
    assert judgement is not None
    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason.startswith("request-success-rate 50 % (75 of 150 requests), objective 99 %: ")
    assert ":1, 1,000 needed)" in judgement.reason


@pytest.mark.parametrize(
    ("objective", "totals"),
    [
        pytest.param(SUCCESS, [(0, 0), (0, 0)], id="no requests"),
        pytest.param(SUCCESS, [(100, 1), (200, 2), (300, 3)], id="at the bound"),
        pytest.param(STRICT, [(1, 1), (2, 2)], id="two bad requests, however strict the bound"),
        pytest.param(STRICT, [(100, 100)], id="one scrape, however bad"),
        pytest.param(STRICT, [(100, 0), (200, 100)], id="one bad scrape after a good one, however strict the bound"),
    ],
)
def test_one_odd_scrape_or_two_odd_requests_never_fail_a_release(
    objective: Objective, totals: list[tuple[int, int]]
) -> None:
    """The guards hold whatever the evidence says."""
    assert overwhelming(state(*totals, objective=objective), [objective]) is None


def test_two_metrics_share_one_error_budget() -> None:
    """Evidence that would just fail a release alone does not with a second metric that speaks for it."""
    totals: list[tuple[int, int]] = []
    alone = state()
    while overwhelming(alone, [SUCCESS]) is None:
        totals.append(((len(totals) + 1) * 10, (len(totals) + 1) * 2))
        alone = state(*totals)
    both = state()
    for requests, bad in totals:
        both = with_counts(both, SUCCESS, Counts(requests=requests, bad=bad))
        both = with_counts(both, DURATION, Counts(requests=requests, bad=0))
    wealth = log_mean([both.metrics[name].evidence.log_wealth for name in ("request-success-rate", "request-duration")])
    assert wealth < alone.metrics["request-success-rate"].evidence.log_wealth
    assert (overwhelming(both, [SUCCESS, DURATION]) is None) == (wealth < log(1 / ALPHA))


def test_a_metric_that_is_no_longer_asked_for_has_no_say() -> None:
    """Whoever takes a metric out of the Canary is not judged by it any more."""
    broken = state((50, 50), (100, 100), (150, 150))
    assert overwhelming(broken, [DURATION]) is None
    assert overwhelming(broken, []) is None


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=20))
def test_memory_survives_the_journal_bit_for_bit(blocks: list[tuple[int, int]]) -> None:
    """What was written into the status and read back judges as if nobody had died."""
    memory, requests, bad = JudgeState(revision="r1", since=12.345678901), 0, 0
    for n, f in blocks:
        requests, bad = requests + n, bad + min(n, f)
        memory = with_counts(memory, SUCCESS, Counts(requests=requests, bad=bad))
    assert JudgeState.model_validate(memory.model_dump(mode="json")) == memory
    assert JudgeState.model_validate_json(memory.model_dump_json()) == memory


def test_the_same_scrape_twice_counts_once() -> None:
    """Looking again before the next scrape is no new evidence."""
    once = state((100, 40))
    assert with_counts(once, SUCCESS, Counts(requests=100, bad=40)).metrics == once.metrics


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [
        pytest.param([], Verdict.PASS, id="no metrics"),
        pytest.param([reading(1.0)], Verdict.PASS, id="within"),
        pytest.param([reading(1.0), reading(9.0, within=False)], Verdict.FAIL, id="one of two broken"),
        pytest.param([reading(None)], Verdict.NO_DATA, id="no data"),
        pytest.param([reading(1.0), reading(None, metric="quiet")], Verdict.NO_DATA, id="one of two silent"),
        pytest.param([reading(None), reading(9.0, within=False)], Verdict.FAIL, id="broken beats silent"),
    ],
)
def test_the_check_at_the_end_of_a_step(readings: list[Reading], verdict: Verdict) -> None:
    """A broken bound fails, silence is neither good nor bad, everything measured and within passes."""
    check = threshold_check(readings)
    assert check.verdict is verdict
    assert check.readings == tuple(readings)


def test_the_check_names_what_is_broken_and_what_is_silent() -> None:
    """The reason names each metric that decided it."""
    assert (
        "b 9, objective min 1"
        in threshold_check([reading(1.0, metric="a"), reading(9.0, within=False, metric="b")]).reason
    )
    assert threshold_check([reading(None, metric="quiet")]).reason == "nothing was measured for quiet"
    assert threshold_check([]).reason == "no metrics to judge by"
