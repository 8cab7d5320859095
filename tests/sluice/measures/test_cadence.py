"""How often samples come, and when to look."""

from __future__ import annotations

import pytest

from sluice.measures.cadence import GUESS, LONGEST_SEARCH, next_look, period_of, search
from sluice.measures.series import Series


def scraped(*times: float) -> Series:
    return Series({}, tuple((at, 1.0) for at in times))


@pytest.mark.parametrize(
    ("series", "period"),
    [
        ([scraped(0, 15, 30.01, 45)], 15),
        ([scraped(0, 60, 180, 240, 300)], 60),
        ([scraped(0, 30), scraped(3, 33, 63)], 30),
        ([scraped(0, 30)], None),
        ([], None),
    ],
    ids=["regular", "one missed", "several targets", "too few", "none"],
)
def test_the_period_is_that_of_one_target(series: list[Series], period: float | None) -> None:
    """Targets are scraped at moments of their own: between two of them lies no period."""
    found = period_of(series)
    assert found == (None if period is None else pytest.approx(period, abs=0.02))


@pytest.mark.parametrize("period", [2.0, 5.0, 15.0, 30.0, 60.0])
def test_the_next_look_is_right_after_the_next_scrape_and_a_late_one_is_looked_for_seldom(period: float) -> None:
    """A scrape that does not come for ten periods costs some twenty looks, and is seen half a period late at worst."""
    assert next_look(100.0, 100.0 + period, period) == period
    now, looks = 0.0, 0
    while now < 10 * period:
        pause = next_look(now, 0.0, period)
        assert pause <= max(period / 2, LONGEST_SEARCH)
        now, looks = now + pause, looks + 1
    assert looks <= 30


def test_while_no_scrape_is_known_looks_grow_rarer() -> None:
    """The first ones come soon; minutes of silence are no reason for hundreds of queries."""
    waited = looks = 0.0
    while waited < 300:
        pause = search(waited, 0.4)
        assert 0.4 <= pause <= LONGEST_SEARCH
        waited, looks = waited + pause, looks + 1
    assert looks < 160
    assert GUESS > LONGEST_SEARCH
