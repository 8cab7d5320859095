"""The posterior of a bad fraction, against exact sums."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.judge.bets.posterior import exceeds

BOUNDS = st.sampled_from([0.001, 0.01, 0.1, 0.5])


@given(BOUNDS, st.integers(0, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_it_is_the_binomial_s_tail(bound: float, counts: tuple[int, int]) -> None:
    """With a uniform prior it is the chance of at most f successes in n + 1 trials."""
    requests, bad = counts
    trials = requests + 1
    tail = sum(comb(trials, k) * bound**k * (1 - bound) ** (trials - k) for k in range(bad + 1))
    assert exceeds(bound, requests, bad) == pytest.approx(tail, abs=1e-9)


@given(BOUNDS, st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_one_more_bad_request_makes_it_more_probable(bound: float, counts: tuple[int, int]) -> None:
    """More bad ones among as many speak more against the bound, however many there are."""
    requests, bad = counts
    assert exceeds(bound, requests, bad) <= exceeds(bound, requests, bad + 1) + 1e-9


@pytest.mark.parametrize(("bad", "low", "high"), [(0, 0.0, 1e-9), (10_000_000, 0.49, 0.51), (10**9, 1 - 1e-9, 1.0)])
def test_huge_counts_stay_in_reach(bad: int, low: float, high: float) -> None:
    """A billion requests give a probability and not an overflow."""
    assert low <= exceeds(0.01, 10**9, bad) <= high
