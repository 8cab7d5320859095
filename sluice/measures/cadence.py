"""How often samples come, and when the next look is worth its query: everything that waits for metrics goes by it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from statistics import median

from sluice.measures.series import Series

GUESS = 15.0
"""Seconds between scrapes where none are known yet: between what is usual for proxies and for applications."""
LONGEST_SEARCH = 2.0
"""Seconds between looks at most while no scrape is known."""
LATE = 0.125
"""Part of a period between two looks at least: many targets are scraped at many moments, and a late scrape is soon there."""


def period_of(many: Iterable[Series]) -> float | None:
    """Seconds between the scrapes of a target, by the series that has the most samples; None with fewer than three."""
    times = max(([at for at, _ in one.samples] for one in many), key=len, default=[])
    return median(later - earlier for earlier, later in pairwise(times)) if len(times) > 2 else None


def next_look(now: float, due: float, period: float) -> float:
    """Seconds until the next look, where the next scrape is due at a moment that may be over.

    A scrape that does not come is looked for again and again, each time after half the time that it is late by.
    """
    most = max(LONGEST_SEARCH, period / 2)
    return max(due - now, min((now - due) / 2, most), LATE * period)


def search(waited: float, first: float) -> float:
    """Seconds until the next look, where no scrape is known: half the time that was waited so far.

    Args:
        first: seconds between the first two looks.
    """
    return min(max(first, waited / 2), max(first, LONGEST_SEARCH))
