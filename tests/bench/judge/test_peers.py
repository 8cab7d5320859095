"""The peers do what their documentation says, on counts that can be followed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bench.judge.judges.peers import Argo, Flagger
from bench.judge.judges.tuning import MOST_FALSE, alarms, least
from bench.judge.measure import spread
from bench.judge.streams import Half, Scenario, Streams

SECONDS = 120


def told(bad_seconds: range, *, rps: int = 10, silent: range = range(0)) -> Streams:
    """One release, scraped every second: all requests of the given seconds fail."""
    requests = np.array([[0 if second in silent else rps for second in range(SECONDS)]])
    failed = np.array([[requests[0, second] if second in bad_seconds else 0 for second in range(SECONDS)]])
    none = np.zeros_like(failed)
    seen = tuple(np.pad(np.cumsum(one, axis=1), ((0, 0), (1, 0))) for one in (requests, failed, none))
    times = np.arange(1, SECONDS + 1)[None]
    half = Half(requests, (failed, none))
    scenario = Scenario(rps=rps, failure=0.0, seconds=SECONDS, scrape=1)
    return Streams(scenario, times, half, half, seen)


@pytest.mark.parametrize(("threshold", "at"), [(1, 20), (3, 40), (5, 60)])
def test_flagger_rolls_back_at_the_check_after_the_one_that_reached_the_threshold(threshold: int, at: float) -> None:
    assert Flagger(10, threshold).judge(told(range(SECONDS)))[0] == at


@pytest.mark.parametrize(("limit", "at"), [(0, 5), (2, 15), (4, 25)])
def test_argo_aborts_at_the_first_failure_beyond_its_limit(limit: int, at: float) -> None:
    assert Argo(5, limit).judge(told(range(SECONDS)))[0] == at


def test_failed_checks_are_never_forgotten() -> None:
    """One blip stays in a window of a minute for six checks of ten seconds, and they count for the whole release."""
    counts, _ = Flagger(10, 1).counted(told(range(5, 8)))

    assert counts[0].tolist() == [1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6, 6]


def test_silence_is_a_failed_check_of_flaggers_and_none_of_argos() -> None:
    quiet = told(range(0), silent=range(SECONDS))

    assert Flagger(10, 1).judge(quiet)[0] == 20
    assert np.isinf(Argo(5, 0).judge(quiet)[0])


def test_exactly_the_objective_is_within_bounds() -> None:
    """`min: 99` fails below 99, not at it."""
    streams = told(range(1), rps=1)

    assert Argo(100, 0, window=100).counted(streams)[0][0].tolist() == [0, 0]


def test_tuning_takes_the_lowest_threshold_with_few_enough_false_alarms() -> None:
    failed = np.array([0] * 1990 + [3] * 8 + [7] * 2)

    flagger, argo = least(Flagger(10, 1), failed), least(Argo(5, 0), failed)

    assert flagger.peer == Flagger(10, 4)
    assert argo.peer == Argo(5, 3)
    assert flagger.false == argo.false == pytest.approx(0.001)
    assert flagger.false <= MOST_FALSE


def test_tuning_counts_the_false_alarms_that_the_rule_would_raise() -> None:
    """A threshold that is reached at Flagger's last check comes too late to roll anything back."""
    streams = told(range(SECONDS - 5, SECONDS))

    assert [one.tolist() for one in alarms((Flagger(10, 1), Argo(10, 0)), streams)] == [[0], [1]]
    assert np.isinf(Flagger(10, 1).judge(streams)[0])


def test_releases_that_are_never_rolled_back_count_in_the_median() -> None:
    never = spread(np.array([10.0, np.inf, np.inf]), 0)
    late = spread(np.array([5.0, 15.0, 17.0]), 10)

    assert (never["median_s"], never["never"]) == (None, pytest.approx(2 / 3))
    assert (late["median_s"], late["early"]) == (5.0, pytest.approx(1 / 3))
