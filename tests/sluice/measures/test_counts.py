"""Counts are whole numbers that can be, and what cannot be is an error that says so."""

from __future__ import annotations

from math import inf, nan

import pytest

from sluice.errors import InvalidError
from sluice.measures.counts import MOST, Counts


def test_counts_are_brought_into_reach() -> None:
    """Rates and resets give parts of requests, and less than none."""
    assert Counts.of(9.6, 3.2, 20.0) == Counts(10, 3, 7)
    assert Counts.of(-1.0, 3.0) == Counts()
    assert Counts.of(MOST, MOST) == Counts(MOST, MOST)


@pytest.mark.parametrize("number", [1e308, inf, -inf, nan, MOST * 2.0])
def test_what_no_counter_can_count_is_refused(number: float) -> None:
    """Two counters near the largest double add up to infinity, which is no whole number."""
    for given in ((number, 0.0), (10.0, number), (10.0, 0.0, number)):
        with pytest.raises(InvalidError, match=r"requests were counted where 9\.0072e\+15 are the most"):
            Counts.of(*given)
