"""How much counters grew, whatever happened to the processes that counted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.measures.series import Counter, Series, newest_sample, oldest_sample


def series(*samples: tuple[float, float]) -> Series:
    return Series({}, samples)


def increase(samples: Sequence[tuple[float, float]], since: float, first_seen: float) -> float:
    counter = Counter(since)
    for at, value in samples:
        counter.add(at, value, first_seen)
    return counter.grown


@pytest.mark.parametrize(
    ("samples", "since", "first_seen", "grown"),
    [
        pytest.param([(0, 5), (2, 7), (4, 12)], 0, 0, 7, id="grows from its baseline"),
        pytest.param([(0, 5), (2, 7), (4, 12)], 2, 0, 5, id="the last sample at or before is the baseline"),
        pytest.param([(0, 50), (2, 3), (4, 4)], 0, 0, 4, id="a drop is a restart at zero"),
        pytest.param([(0, 9), (2, 0), (4, 0)], 0, 0, 0, id="a restart without requests"),
        pytest.param([(0, 1), (2, 4), (4, 1), (6, 5), (8, 2)], 0, 0, 10, id="several restarts"),
        pytest.param([(4, 6), (6, 9)], 2, 0, 9, id="a newcomer began at zero"),
        pytest.param([(4, 6), (6, 9)], 2, 3, 9, id="a newcomer after the first scrape of all"),
        pytest.param([(4, 6), (6, 9)], 2, 4, 3, id="no older scrape: the first value may be old"),
        pytest.param([(4, 6)], 2, 4, 0, id="one sample without an older scrape proves nothing"),
        pytest.param([(0, 5), (1, 9)], 2, 0, 0, id="no sample after"),
        pytest.param([], 0, 0, 0, id="no samples"),
        pytest.param([(0, 5), (20, 25)], 0, 0, 20, id="missed scrapes merge"),
    ],
)
def test_growth_of_one_series(
    samples: list[tuple[float, float]], since: float, first_seen: float, grown: float
) -> None:
    """Resets count from zero, newcomers from zero, everything else from its baseline."""
    assert increase(samples, since, first_seen) == grown


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=30), st.integers(0, 30))
def test_a_restart_never_gives_more_or_less_than_what_was_counted(steps: list[tuple[int, bool]], since: int) -> None:
    """Whatever restarts happen between scrapes that saw them, the growth is that of the requests, and never negative."""
    value, samples, truth = 0, [(0.0, 0.0)], 0
    for at, (added, restarted) in enumerate(steps, start=1):
        # A restart is seen as a drop only if the new process counted less than the old one had.
        if restarted and added < value:
            value = 0
        value += added
        samples.append((float(at), float(value)))
        truth += added if at > since else 0
    assert increase(samples, since, 0.0) == truth


@given(st.lists(st.integers(0, 100), min_size=3, max_size=20), st.data())
def test_a_missed_scrape_changes_nothing(added: list[int], data: st.DataObject) -> None:
    """What was not scraped comes with the next scrape."""
    total, samples = 0, [(0.0, 0.0)]
    for at, more in enumerate(added, start=1):
        total += more
        samples.append((float(at), float(total)))
    missed = data.draw(st.integers(1, len(added) - 1))
    rest = tuple(one for one in samples if one[0] != missed)
    assert increase(rest, 0.0, 0.0) == increase(samples, 0.0, 0.0) == total


def test_a_sample_that_was_taken_already_changes_nothing() -> None:
    """Windows that are read overlap; what comes twice, or late and old, counts once."""
    samples = [(0.0, 5.0), (2.0, 7.0), (4.0, 1.0)]
    assert increase([*samples, *samples, (2.0, 7.0), (6.0, 3.0)], 0.0, 0.0) == 5


def test_oldest_and_newest_samples() -> None:
    """The ends of an answer; empty series have none."""
    both = [series((3, 1), (5, 1)), series((2, 1), (9, 1)), series()]
    assert (oldest_sample(both), newest_sample(both)) == (2, 9)
    assert (oldest_sample([]), newest_sample([])) == (float("inf"), 0.0)
