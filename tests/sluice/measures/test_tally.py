"""A running count says at every moment what counting the whole release from its start would say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective, Telemetry
from sluice.measures.series import Series
from sluice.measures.tally import Tally
from tests.samples import duration, success_rate

TELEMETRY = Telemetry(
    total="total",
    buckets="buckets",
    side_label="side",
    canary="canary",
    primary="primary",
    bad={"class": "5"},
)
SCRAPES = st.lists(
    st.dictionaries(st.sampled_from(["2", "4", "5"]), st.integers(0, 100), min_size=1), min_size=1, max_size=25
)


def tally(metric: dict[str, object], since: float = 0.0, span: float = 1000.0) -> Tally:
    return Tally(Objective.of(CanaryMetric.model_validate(metric)), TELEMETRY, since, span)


def series(scrapes: list[dict[str, int]]) -> list[Series]:
    """What a provider stores: a sample a class and scrape, two seconds apart, and a primary that was always there."""
    classes = sorted({kind for scrape in scrapes for kind in scrape})
    times = [2.0 * number for number in range(len(scrapes))]
    canary = [
        Series(
            {"side": "canary", "class": kind},
            tuple((at, float(scrape[kind])) for at, scrape in zip(times, scrapes, strict=True) if kind in scrape),
        )
        for kind in classes
    ]
    return [Series({"side": "primary", "class": "2"}, ((-2.0, 1.0), *((at, 1.0) for at in times))), *canary]


def between(many: list[Series], start: float, end: float) -> list[Series]:
    return [Series(one.labels, tuple(s for s in one.samples if start < s[0] <= end)) for one in many]


@given(SCRAPES, st.lists(st.floats(-2, 60), max_size=10), st.integers(0, 20), st.floats(0, 10))
def test_however_it_is_read_the_count_is_the_same(
    scrapes: list[dict[str, int]], cuts: list[float], since: int, overlap: float
) -> None:
    """Scrape by scrape, several at once, with overlaps: counts are those of one reading of everything."""
    everything = series(scrapes)
    whole, parts = tally(success_rate(), float(since)), tally(success_rate(), float(since))
    whole.add(everything)
    last = -3.0
    for cut in [*sorted(cuts), 1000.0]:
        parts.add(between(everything, last - overlap, cut))
        last = cut
    if cuts and min(cuts) < -2:  # nothing was seen by the first reading: nothing proves that series are new
        return
    assert (parts.counts, parts.newest) == (whole.counts, whole.newest)


@given(SCRAPES, st.floats(0, 60))
def test_windows_add_up_to_the_whole(scrapes: list[dict[str, int]], begin: float) -> None:
    """What came before a moment and what came after it are all that came."""
    it = tally(success_rate())
    it.add(series(scrapes))
    after = it.window(begin)
    before = tally(success_rate())
    before.add(between(series(scrapes), -3.0, begin))
    assert before.counts.requests + after.requests == it.counts.requests


@given(SCRAPES, st.integers(0, 20), st.floats(0, 60))
def test_both_halves_are_counted_alike_and_up_to_the_same_moment(
    scrapes: list[dict[str, int]], since: int, begin: float
) -> None:
    """Two sides whose processes tell the same have the same counts, whatever restarts and newcomers there are."""
    it = tally(success_rate(), float(since))
    canary = [one for one in series(scrapes) if one.labels["side"] == "canary"]
    before = Series({"side": "canary", "class": "3"}, ((-2.0, 1.0),))
    twins = [Series({**one.labels, "side": "primary"}, one.samples) for one in (before, *canary)]
    it.add([before, *canary, *twins])
    assert it.counts == it.primary
    assert it.both(begin).canary == it.both(begin).primary == it.window(begin)
    for _, sides in it.moments(begin):
        assert sides.canary == sides.primary


def test_each_half_has_its_own_counts() -> None:
    """What the primary answers is never the canary's, nor the other way round."""
    samples = ((0.0, 0.0), (2.0, 10.0))
    it = tally(success_rate())
    it.add([Series({"side": "canary", "class": "5"}, samples), Series({"side": "primary", "class": "2"}, samples)])
    assert (it.counts, it.primary) == (Counts(10, 10), Counts(10, 0))
    assert it.both(0.0) == it.sides


def test_only_what_came_after_the_moment_for_certain_is_counted_where_that_is_asked() -> None:
    """The scrapes around it leave open what came when; a newcomer's first requests are all its own."""
    primary = Series({"side": "primary", "class": "2"}, ((0.0, 0.0), (60.0, 3000.0), (120.0, 6000.0)))
    canary = Series({"side": "canary", "class": "2"}, ((60.0, 100.0), (120.0, 1600.0)))
    for whole, wanted in ((False, Sides(Counts(1600), Counts(6000))), (True, Sides(Counts(1600), Counts(3000)))):
        it = tally(success_rate(), since=54.0)
        it.whole = whole
        it.add([primary, canary])
        assert it.sides == wanted


def scraped(side: str, instance: str, *samples: tuple[float, float]) -> Series:
    return Series({"side": side, "class": "2", "job": "envoy", "instance": instance}, samples)


def test_the_first_requests_of_a_canary_count_where_its_target_was_scraped_without_it() -> None:
    """Also where nothing is older than the release: a scrape shows all of a target, and it did not have the series."""
    it = tally(success_rate(), since=1.0)
    it.add([scraped("primary", "a", (2.0, 40.0), (4.0, 50.0)), scraped("canary", "a", (4.0, 11.0))])
    assert (it.counts, it.primary) == (Counts(11), Counts(10))


def test_the_scrape_of_another_target_proves_no_newcomer() -> None:
    """Another proxy may have counted for days: only its own earlier scrape could say that it had not."""
    it = tally(success_rate(), since=1.0)
    it.add([scraped("primary", "a", (2.0, 40.0), (4.0, 50.0)), scraped("canary", "b", (3.0, 900.0), (5.0, 903.0))])
    assert (it.counts, it.primary) == (Counts(3), Counts(10))


def test_series_without_a_target_need_a_scrape_before_the_release() -> None:
    """Where nobody says what was scraped, a first value may be old."""
    it = tally(success_rate(), since=1.0)
    primary, canary = ((2.0, 40.0), (4.0, 50.0)), ((4.0, 900.0), (6.0, 903.0))
    it.add([Series({"side": "primary", "class": "2"}, primary), Series({"side": "canary", "class": "2"}, canary)])
    assert it.counts == Counts(3)


def test_moments_are_the_scrapes_after_a_time_with_all_that_was_counted_by_then() -> None:
    """Whoever looks seldom still sees each scrape, oldest first; one that was seen is not told again."""
    it = tally(success_rate())
    it.add(series([{"2": 5}, {"2": 9}, {"2": 9, "5": 4}, {"2": 1, "5": 4}]))
    assert [(at, sides.canary) for at, sides in it.moments(2.0)] == [(4.0, Counts(8, 4)), (6.0, Counts(9, 4))]
    assert [at for at, _ in it.moments(0.0)] == [2.0, 4.0, 6.0]
    assert it.moments(6.0) == []


def test_what_no_window_needs_any_more_is_forgotten() -> None:
    """A release that is judged for days keeps no more than its longest window."""
    it = tally(success_rate(), span=20.0)
    for number in range(1000):
        it.add([Series({"side": "canary", "class": "2"}, ((2.0 * number, float(number)),))])
    assert len(it._past) < 15
    assert it.window(2.0 * 999 - 20) == Counts(requests=10)


@pytest.mark.parametrize(
    ("limit", "bounds"), [(100, {"100", "+Inf"}), (300, {"100", "500", "+Inf"}), (50, {"100", "+Inf"})]
)
def test_of_a_histogram_only_the_deciding_buckets_are_read_again(limit: float, bounds: set[str]) -> None:
    """All buckets are read once, to know which there are."""
    it = tally(duration(limit))
    assert it.selector.bounds == frozenset()
    it.add([Series({"side": "canary", "le": le}, ((0.0, 1.0),)) for le in ("100", "500", "+Inf")])
    assert it.selector.bounds == bounds
    assert it.selector.values == {"canary", "primary"}
    assert tally(success_rate()).selector.metric == "total"
