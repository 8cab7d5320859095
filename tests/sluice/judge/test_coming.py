"""Scrapes of an interval: the first one is waited for, and where they have stopped what is known is of before."""

from __future__ import annotations

from sluice.judge.coming import Coming

PERIOD = 2.0


def test_the_first_scrape_of_an_interval_is_one_that_comes_after_its_first_look() -> None:
    coming = Coming(since=100.0, newest=50.0)
    coming.note(51.0, 100.1)  # it came between the interval before and this one: users were elsewhere
    assert coming.awaited(101.0, PERIOD)
    coming.note(51.0, 101.5)
    assert coming.awaited(101.5, PERIOD)
    coming.note(53.0, 102.0)
    assert not coming.awaited(102.0, PERIOD)


def test_answers_that_stay_the_same_are_no_scrapes() -> None:
    """A provider that answers by what it knew: after three scrapes that did not come nothing is waited for in silence."""
    coming = Coming(since=100.0, newest=50.0)
    for second in range(6):
        coming.note(50.0, 100.0 + second)
        assert coming.awaited(100.0 + second, PERIOD)
        assert not coming.blind(100.0 + second, PERIOD)
    assert not coming.awaited(106.5, PERIOD)
    assert coming.blind(106.5, PERIOD) == "no scrape has come for 6 s"


def test_where_nothing_was_ever_counted_no_scrape_is_waited_for() -> None:
    """A service without requests has no samples, and `onNoData` says what follows."""
    coming = Coming(since=100.0)
    coming.note(0.0, 100.1)
    assert not coming.awaited(100.2, PERIOD)
    assert not coming.blind(200.0, PERIOD)


def test_scrapes_that_stop_in_the_middle_make_blind_and_the_next_one_ends_that() -> None:
    coming = Coming(since=100.0, newest=50.0)
    coming.note(50.0, 100.0)
    coming.note(60.0, 110.0)
    assert coming.blind(117.0, PERIOD)
    coming.note(67.0, 117.1)
    assert not coming.blind(117.2, PERIOD)
