"""The Mann-Whitney test: the same numbers as scipy's, and an interval that is right as often as it says."""

from __future__ import annotations

import random
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from sluice.judge.baseline.ranks import CONFIDENCE, shift
from tests.sluice.judge.traffic import binomial

SOME = st.lists(st.integers(0, 30).map(float), min_size=1, max_size=25)
"""Few values, so that many are tied."""


@given(SOME, SOME)
def test_the_interval_is_the_test_turned_inside_out(first: list[float], second: list[float]) -> None:
    """Between any two differences a shift lies outside of the interval just where scipy's one-sided test rejects it."""
    found = shift(first, second)
    differences = sorted({one - other for one in first for other in second})
    for below, above in pairwise(differences):
        middle = (below + above) / 2
        moved = [one - middle for one in first]
        for side, outside in (("greater", middle < found.low), ("less", middle > found.high)):
            p = mannwhitneyu(moved, second, alternative=side, method="asymptotic", use_continuity=True).pvalue
            assert outside == (p < (1 - CONFIDENCE) / 2), (middle, found, p)


@given(SOME, SOME)
def test_the_estimate_is_the_median_of_all_differences(first: list[float], second: list[float]) -> None:
    """Hodges and Lehmann's; it lies within the interval, which lies within what was seen."""
    found = shift(first, second)
    assert found.estimate == median([one - other for one in first for other in second])
    assert min(first) - max(second) <= found.low <= found.estimate <= found.high <= max(first) - min(second)


@given(SOME, SOME)
def test_the_effect_is_the_share_of_pairs_that_are_won(first: list[float], second: list[float]) -> None:
    """U over n·m, with ties by half."""
    u = mannwhitneyu(first, second, method="asymptotic").statistic
    assert shift(first, second).effect == pytest.approx(u / (len(first) * len(second)))


@given(SOME, SOME, st.randoms(use_true_random=False))
def test_the_order_of_values_says_nothing_and_both_sides_are_treated_alike(
    first: list[float], second: list[float], dice: random.Random
) -> None:
    """Whoever is first: the other way round is the same with the opposite sign."""
    found = shift(first, second)
    assert shift(dice.sample(first, len(first)), dice.sample(second, len(second))) == found
    back = shift(second, first)
    assert (back.estimate, back.low, back.high) == (-found.estimate, -found.high, -found.low)
    assert back.effect == pytest.approx(1 - found.effect)


def test_too_few_values_are_never_sure() -> None:
    """Four against four, wholly apart, is what chance does once in seventy times: the interval is all that was seen."""
    found = shift([0.0, 1.0, 2.0, 3.0], [10.0, 11.0, 12.0, 13.0])
    assert (found.low, found.high) == (-13.0, -7.0)


@pytest.mark.parametrize("requests", [12, 60], ids=str)
@pytest.mark.parametrize("rate", [0.002, 0.05, 0.5], ids=str)
def test_where_nothing_differs_the_interval_misses_zero_as_seldom_as_it_says(rate: float, requests: int) -> None:
    """Once in a hundred times on each side at most, be the shares sparse or not."""
    dice, releases, samples = random.Random(1), 1500, 30
    above = below = 0
    for _ in range(releases):
        first, second = ([binomial(dice, requests, rate) / requests for _ in range(samples)] for _ in range(2))
        found = shift(first, second)
        above += found.low > 0
        below += found.high < 0
    assert max(above, below) / releases <= 0.01 + 3 * (0.01 * 0.99 / releases) ** 0.5
