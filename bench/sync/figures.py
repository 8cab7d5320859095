"""Figures of what was measured: spreads of seconds, and requests without what a worker asks at rest."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

SIGNS_OF_LIFE = ("leases",)
"""Kinds of requests that go on whether anything is synced or not: they are not a sync's."""


def spread(seconds: Sequence[float]) -> dict[str, Any]:
    """Least, median, 99th percentile (of fewer than a hundred the greatest) and greatest."""
    ordered = sorted(seconds)
    if not ordered:
        return {"n": 0}
    at = min(len(ordered) - 1, math.ceil(0.99 * len(ordered)) - 1)
    return {
        "min_s": round(ordered[0], 3),
        "median_s": round(statistics.median(ordered), 3),
        "p99_s": round(ordered[at], 3),
        "max_s": round(ordered[-1], 3),
        "n": len(ordered),
    }


def asked(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Requests between two counts, by kind and verb, without signs of life and watches."""
    gone = {name: count - before.get(name, 0) for name, count in after.items()}
    return {
        name: count
        for name, count in sorted(gone.items())
        if count > 0 and not name.startswith(SIGNS_OF_LIFE) and not name.endswith("watch")
    }
