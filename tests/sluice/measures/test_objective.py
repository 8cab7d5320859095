"""Metrics as counted requests: what is bad, and what is certainly bad."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures.counts import Counts
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
COUNTS = st.integers(0, 10**9)


def objective(metric: dict[str, object]) -> Objective:
    return Objective.of(CanaryMetric.model_validate(metric))


def counted(
    metric: dict[str, object], series: list[Series], since: float = 0.0, telemetry: Telemetry = TELEMETRY
) -> Counts:
    tally = Tally(objective(metric), telemetry, since, span=60.0)
    tally.add(series)
    return tally.counts


def counter(side: str, value: float, **labels: str) -> Series:
    return Series({"side": side, **labels}, ((0.0, 0.0), (2.0, value)))


def buckets(**at: float) -> list[Series]:
    return [counter("canary", value, le=le.removeprefix("le").replace("inf", "+Inf")) for le, value in at.items()]


def test_the_success_rate_counts_answers_of_the_bad_class() -> None:
    """All answers are requests; those of class 5 are bad; the primary's are not the canary's."""
    both = [
        counter("canary", 90, **{"class": "2"}),
        counter("canary", 10, **{"class": "5"}),
        counter("primary", 500, **{"class": "5"}),
    ]
    assert counted(success_rate(), both) == Counts(requests=100, bad=10)


@pytest.mark.parametrize(("least", "allowed"), [(99, 0.01), (99.9, 0.001), (50, 0.5)])
def test_the_least_good_percentage_is_the_allowed_bad_fraction(least: float, allowed: float) -> None:
    """`min: 99` allows one bad request in a hundred, to the last digit."""
    assert objective(success_rate(least)).allowed == allowed


@pytest.mark.parametrize(
    ("limit", "bad", "unclear"),
    [
        pytest.param(500, 30, 0, id="a bound itself: those above it, and all others were fast enough"),
        pytest.param(300, 30, 20, id="between two bounds nobody knows about those between them"),
        pytest.param(100, 50, 0, id="the lowest bound"),
        pytest.param(50, 50, 50, id="below every bound nobody was certainly fast enough"),
    ],
)
def test_only_requests_that_were_certainly_too_slow_are_bad(limit: float, bad: int, unclear: int) -> None:
    """A request between the limit and the next bucket bound is held neither against the canary nor for it."""
    series = buckets(le100=50, le500=70, le1000=90, leinf=100)
    assert counted(duration(limit), series) == Counts(requests=100, bad=bad, unclear=unclear)


@pytest.mark.parametrize(
    ("series", "said"),
    [
        pytest.param(buckets(le100=50, le1000=90, leinf=100), "set thresholdRange.max to 1000 or less", id="too low"),
        pytest.param(buckets(leinf=100), "no finite bucket", id="none but the infinite one"),
    ],
)
def test_a_limit_that_no_bucket_reaches_is_refused_with_the_way_out(series: list[Series], said: str) -> None:
    """A metric that can never fail is a slip in the manifest, named by its field, and not a metric that always passes."""
    with pytest.raises(InvalidError, match=r"metrics\[\]\.thresholdRange\.max") as refused:
        counted(duration(9000), series)
    assert said in str(refused.value)


def test_a_histogram_in_seconds_is_read_in_its_own_unit() -> None:
    """The limit is in milliseconds whatever the data plane counts in."""
    telemetry = TELEMETRY.model_copy(update={"unit_ms": 1000.0})
    series = [counter("canary", 60, le="0.5"), counter("canary", 100, le="+Inf")]
    assert counted(duration(500), series, telemetry=telemetry) == Counts(requests=100, bad=40)


def test_no_series_are_no_requests() -> None:
    """Nothing measured is nothing counted, for both kinds of metric."""
    for metric in (success_rate(), duration()):
        assert counted(metric, []) == Counts()


@given(st.lists(st.tuples(st.sampled_from(["2", "4", "5"]), st.lists(st.integers(0, 100), min_size=1, max_size=6))))
def test_there_are_never_more_bad_requests_than_requests(many: list[tuple[str, list[int]]]) -> None:
    """Whatever resets and newcomers the provider shows."""
    series = [
        Series({"side": "canary", "class": kind}, tuple((float(2 * at), float(v)) for at, v in enumerate(values)))
        for kind, values in many
    ]
    for since in (0.0, 3.0):
        found = counted(success_rate(), series, since)
        assert 0 <= found.bad <= found.requests


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_what_came_since_is_never_negative_and_never_inflated(a: int, b: int, c: int, d: int) -> None:
    """A provider that forgot requests gives nothing new, never a negative number or more bad ones than requests."""
    grown = Counts(requests=a, bad=b).since(Counts(requests=c, bad=d))
    assert 0 <= grown.bad <= grown.requests <= a


@pytest.mark.parametrize(
    ("requests", "bad", "within", "value"),
    [
        pytest.param(0, 0, True, None, id="no requests are no data and break nothing"),
        pytest.param(100, 1, True, 99.0, id="exactly the bound is good"),
        pytest.param(100, 2, False, 98.0, id="one more is not"),
        pytest.param(10**9, 10**7, True, 99.0, id="at the bound with a billion"),
        pytest.param(10**9, 10**7 + 1, False, 98.9999999, id="one more than the bound in a billion"),
    ],
)
def test_a_reading_compares_counts_and_not_rounded_percentages(
    requests: int, bad: int, within: bool, value: float | None
) -> None:
    """A percentage that was rounded for people never decides."""
    reading = objective(success_rate(99)).reading(Counts(requests=requests, bad=bad))
    assert (reading.within, reading.requests) == (within, requests)
    assert reading.value == (None if value is None else pytest.approx(value))


def test_readings_say_what_they_rest_on() -> None:
    """A person reads the value, the number of requests and the bound."""
    assert str(objective(success_rate(99)).reading(Counts(requests=200, bad=10))) == (
        "request-success-rate 95 % (190 of 200 requests), objective 99 %"
    )
    slow = str(objective(duration(500)).reading(Counts(requests=0)))
    assert slow == "request-duration no data, objective 99 % within 500 ms"
