"""The simulated releases are what their descriptions say, and the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.judge.rows import FALSE, SPEED, as_good
from bench.judge.shapes import Shape
from bench.judge.streams import METRICS, Scenario, Streams, generate

STEADY = Scenario.good(10, 0.005)


def drawn(scenario: Scenario, releases: int = 200, seed: int = 1) -> Streams:
    return generate(scenario, releases, np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_releases() -> None:
    one, again, other = drawn(STEADY), drawn(STEADY), drawn(STEADY, seed=2)

    assert np.array_equal(one.canary.requests, again.canary.requests)
    assert not np.array_equal(one.canary.requests, other.canary.requests)


@pytest.mark.parametrize(
    ("scenario", "canary", "primary"),
    [
        (STEADY, 0.005, 0.005),
        (replace(STEADY, failure=0.2), 0.2, 0.005),
        (Scenario.good(10, 0.005, Shape.BLIPS), 0.005, 0.005),
        (Scenario.good(10, 0.001, Shape.BURSTS), 0.01, 0.001),
        (Scenario.good(10, 0.0, Shape.OUTAGE), 0.05, 0.05),
    ],
    ids=["steady", "bad canary", "shared blips", "bursts of the canary", "shared outage"],
)
def test_the_failures_average_what_the_row_says(scenario: Scenario, canary: float, primary: float) -> None:
    streams = drawn(scenario, 1000)

    for half, share in ((streams.canary, canary), (streams.primary, primary)):
        assert half.bad[0].sum() / half.requests.sum() == pytest.approx(share, rel=0.1)


def test_the_primary_gets_the_rest_of_the_traffic() -> None:
    streams = drawn(replace(STEADY, weight=0.2))

    assert streams.primary.requests.sum() / streams.canary.requests.sum() == pytest.approx(4, rel=0.02)


@pytest.mark.parametrize("scenario", [*FALSE.values(), *SPEED.values()], ids=[*FALSE, *SPEED])
def test_no_block_has_more_bad_requests_than_requests_or_negative_counts(scenario: Scenario) -> None:
    streams = drawn(scenario, 5)

    for half in (streams.canary, streams.primary):
        assert len(half.bad) == METRICS
        assert all((bad >= 0).all() and (bad <= half.requests).all() for bad in half.bad)


def test_blocks_and_queries_see_the_same_counts() -> None:
    """The judge and its peers differ in their rules only: the sum of the blocks is what a query at the end finds."""
    for scenario in (STEADY, replace(STEADY, missed=0.3, restarts=3, scrape=5)):
        streams = drawn(scenario)
        assert np.array_equal(streams.canary.requests.sum(axis=1), streams.seen[0][:, -1])
        assert np.array_equal(streams.canary.bad[0].sum(axis=1), streams.seen[1][:, -1])


def test_a_missed_scrape_is_an_empty_block_whose_counts_come_with_the_next() -> None:
    whole, holed = drawn(replace(STEADY, rps=1000)), drawn(replace(STEADY, rps=1000, missed=0.5))

    assert (holed.canary.requests == 0).mean() == pytest.approx(0.5, abs=0.02)
    assert holed.canary.requests.sum() == pytest.approx(whole.canary.requests.sum(), rel=0.01)


def test_a_restart_loses_only_what_was_counted_since_the_last_scrape() -> None:
    scenario = replace(STEADY, rps=1000, scrape=10)
    whole, broken = drawn(scenario), drawn(replace(scenario, restarts=1))

    lost = 1 - broken.canary.requests.sum() / whole.canary.requests.sum()
    assert lost == pytest.approx(4.5 / scenario.seconds, rel=0.2)


def test_a_late_regression_is_good_until_then() -> None:
    streams = drawn(replace(STEADY, failure=1.0, changes_at=300))

    early = streams.times < 300
    assert streams.canary.bad[0][early].sum() / streams.canary.requests[early].sum() == pytest.approx(0.005, rel=0.2)


def test_a_release_as_good_as_the_service_is_what_the_peers_are_tuned_on() -> None:
    good = as_good(replace(STEADY, failure=0.2, changes_at=300))

    assert (good.failure, good.usual, good.changes_at) == (0.005, 0.005, 0)
