"""Figures of the way from a push to the cluster: what they leave out, and what their percentiles mean."""

from __future__ import annotations

from bench.sync.figures import asked, spread


def test_the_99th_percentile_of_few_is_the_greatest() -> None:
    """Of fifty readings there is nothing between it and the worst."""
    found = spread([float(number) for number in range(1, 51)])
    assert (found["min_s"], found["median_s"], found["p99_s"], found["max_s"], found["n"]) == (1, 25.5, 50, 50, 50)
    assert spread([float(number) for number in range(1, 201)])["p99_s"] == 198
    assert spread([]) == {"n": 0}


def test_signs_of_life_and_watches_are_no_requests_of_a_sync() -> None:
    """They go on at rest as well; what did not come between the two counts is left out."""
    before = {"leases write": 10, "others get": 5, "others patch": 1, "canaries watch": 1}
    after = {"leases write": 14, "others get": 7, "others patch": 1, "canaries watch": 3, "events list": 1}
    assert asked(before, after) == {"others get": 2, "events list": 1}
