"""From the raw samples of counters to how much they grew: per series, with resets and newcomers told apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Series:
    """One time series as the provider stored it.

    Attributes:
        labels: what tells it from the others.
        samples: (seconds since the epoch, value), rising in time, not interpolated.
    """

    labels: dict[str, str] = field(default_factory=dict)
    samples: tuple[tuple[float, float], ...] = ()


def increase(series: Series, since: float, first_seen: float) -> float:
    """How much a counter grew after `since`.

    A drop is a reset: the process began again at 0, so the whole new value is growth. A series that was not there at the
    last scrape before `since` began at 0 after it; `first_seen` is the time of the oldest scrape that the provider was
    asked for, which tells such a newcomer from a series whose older samples were merely not asked for.

    Args:
        since: seconds since the epoch; the sample at or before it is the baseline.
        first_seen: time of the oldest sample of any series of the same answer.
    """
    before = [value for at, value in series.samples if at <= since]
    after = [value for at, value in series.samples if at > since]
    if not after:
        return 0.0
    if not before and first_seen > since:
        # No older scrape shows that it was absent: its first value may be old, and becomes the baseline.
        before = [after.pop(0)]
    last = before[-1] if before else 0.0
    grown = 0.0
    for value in after:
        grown += value - last if value >= last else value
        last = value
    return grown


def total_increase(many: Iterable[Series], since: float, first_seen: float) -> float:
    """The growth of several series together."""
    return sum(increase(series, since, first_seen) for series in many)


def oldest_sample(many: Iterable[Series]) -> float:
    """Time of the oldest sample; infinity where there is none."""
    return min((series.samples[0][0] for series in many if series.samples), default=float("inf"))


def newest_sample(many: Iterable[Series]) -> float:
    """Time of the newest sample; 0 where there is none."""
    return max((series.samples[-1][0] for series in many if series.samples), default=0.0)
