"""The judge on the lab: good and bad releases under the users of the demo, and what each did to them."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Sequence
from typing import Any

from lab.paths import LabPaths
from lab.product.deliveries import Release
from lab.product.measure import PROMOTED, ROLLED_BACK
from lab.product.setup import set_up
from lab.progress import say

KINDS = (("good", "good", PROMOTED), ("fails 50 %", "fail:50", ROLLED_BACK), ("fails 5 %", "fail:5", ROLLED_BACK))
"""What is released in turn: its meaning, the image's variant, and what must become of it."""


def measure(rounds: int, about: dict[str, Any]) -> dict[str, Any]:
    """Release each kind so many times, one after the other; `about` is called with what machine this is."""
    done: dict[str, list[dict[str, Any]]] = {meaning: [] for meaning, _, _ in KINDS}
    with contextlib.ExitStack() as ending:
        measurements = set_up(LabPaths(), about, ending)
        for number in range(rounds):
            for place, (meaning, variant, wanted) in enumerate(KINDS):
                release = Release(number * len(KINDS) + place + 1, variant, meaning, wanted)
                one = measurements.deliver(release)
                say(f"{meaning}: {one['verdict']}, {one['failed_requests']} failed; {one['reason']}")
                done[meaning].append(one)
    return {meaning: summary(each) for meaning, each in done.items()}


def summary(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one kind of release.

    Returns:
        `bad_traffic_s`: from the first to the last answer of a version that was rolled back; `first_traffic_to_end_s`: from
        a version's first answer until all users have one version, and the route is home.
    """
    took = [one["push_to_end_s"] - (one["push_to_first_traffic_s"] or 0.0) for one in each]
    return {
        "releases": len(each),
        "as_wanted": sum(one["verdict"] == one["expected"] for one in each),
        "failed_requests": _spread([one["failed_requests"] for one in each]),
        "bad_traffic_s": _spread([one["bad_traffic_s"] for one in each]),
        "first_traffic_to_end_s": _spread(took),
        "reasons": [one["reason"] for one in each],
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"min": round(min(values), 2), "median": round(statistics.median(values), 2), "max": round(max(values), 2)}
