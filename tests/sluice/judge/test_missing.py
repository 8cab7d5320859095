"""Requests that are missing from the canary's share: said where more than half of them are, and never of a good release."""

from __future__ import annotations

from math import exp, lgamma, log

import pytest

from sluice.judge.missing import missing, unserved
from sluice.measures.counts import Counts, Sides

WEIGHTS = [1, 5, 10, 30, 50, 80, 99]


def sides(canary: int, total: int) -> Sides:
    return Sides(Counts(canary), Counts(total - canary))


def exactly(canary: int, total: int, share: float) -> float:
    ways = lgamma(total + 1) - lgamma(canary + 1) - lgamma(total - canary + 1)
    return exp(ways + canary * log(share) + (total - canary) * log(1 - share))


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("total", [1, 3, 10, 30, 100, 300, 1000, 10_000])
def test_a_canary_that_gets_its_weight_is_never_held_by_it(weight: int, total: int) -> None:
    """At any rate: the exact chance of a false hold at a look is below 1e-8, and below 1e-6 at 60 % of the weight."""
    silent = [canary for canary in range(total + 1) if missing(weight, sides(canary, total))]
    assert sum(exactly(canary, total, weight / 100) for canary in silent) < 1e-8
    assert sum(exactly(canary, total, 0.6 * weight / 100) for canary in silent) < 1e-6


@pytest.mark.parametrize(("weight", "seconds"), [(5, 6), (10, 3), (30, 2), (50, 1)])
def test_a_canary_without_a_backend_is_missed_within_seconds(weight: int, seconds: int) -> None:
    """A hundred requests a second, of which the canary's are answered by nobody that counts."""
    of_primary = (100 - weight) * seconds
    why = missing(weight, sides(0, of_primary))
    assert why.startswith(f"the canary answered 0 of {of_primary}")
    assert f"its weight is {weight} %" in why


def test_of_a_canary_that_answers_a_third_of_its_share_the_rest_is_missed() -> None:
    """One of three proxies has no backend for it: what is counted is all good."""
    assert missing(30, sides(1000, 8000))
    assert not missing(30, sides(1900, 8000))


@pytest.mark.parametrize("weight", [0, 100])
def test_where_no_share_is_to_be_expected_nothing_is_missing(weight: int) -> None:
    """Before the first traffic, and when all of it is the canary's."""
    assert not missing(weight, sides(0, 1000))


@pytest.mark.parametrize(
    ("answered", "home"),
    [(0, False), (2, False), (29, False), (30, True), (60, True), (3000, True)],
    ids=["none", "too few", "less than half", "half", "all", "others' too"],
)
def test_what_the_data_plane_answered_itself_speaks_against_the_canary_where_it_accounts_for_what_is_missing(
    answered: int, home: bool
) -> None:
    """With 140 requests to the primary at 30 % the canary should have had 60: half of them have to be found there."""
    why = unserved(30, sides(0, 140), answered)
    assert bool(why) is home
    assert not home or why.startswith(f"the data plane answered {answered:,} requests with an error itself")


def test_where_nothing_is_missing_the_data_plane_s_own_errors_are_others() -> None:
    """A listener counts them for all of its applications."""
    assert unserved(30, sides(30, 100), 500) == ""
    assert unserved(0, sides(0, 100), 500) == ""
    assert unserved(100, sides(0, 100), 500) == ""
