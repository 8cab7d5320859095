"""How long a closed gate is left alone before it is asked again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

SOON = 12
"""Questions at the first pace: a person who has just been asked often answers within a minute."""


def questions(first: float, interval: float) -> Iterator[float]:
    """Seconds before each next question, without end: `SOON` times the first pace, then ever longer up to the interval.

    Args:
        first: seconds between the first questions.
        interval: the analysis interval, at which Flagger asks.
    """
    yield from repeat(min(first, max(interval, first)), SOON)
    pause = first
    while True:
        pause = min(2 * pause, max(interval, first))
        yield pause
