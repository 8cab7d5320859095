"""From the raw samples of counters to how much they grew: per series, with resets and new series recognised."""

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


@dataclass(frozen=True, slots=True)
class Selector:
    """Series that are wanted: one metric, some values of one label, of a histogram only some buckets, further labels.

    Attributes:
        metric: its name.
        label, values: the label that tells services apart, and the wanted values of it; whatever has it where empty.
        bounds: the wanted values of `le`; all where empty.
        where: further labels, and the value that each must have.
    """

    metric: str
    label: str
    values: frozenset[str]
    bounds: frozenset[str] = frozenset()
    where: frozenset[tuple[str, str]] = frozenset()

    def wants(self, series: Series) -> bool:
        """Whether a series of its metric is wanted."""
        labels = series.labels
        if any(labels.get(label) != value for label, value in self.where):
            return False
        known = labels.get(self.label)
        return (known in self.values if self.values else bool(known)) and (
            not self.bounds or labels.get("le") in self.bounds
        )


@dataclass(slots=True)
class Counter:
    """How much one series grew after a moment, given sample by sample.

    A drop is a reset: the process began again at 0, so the whole new value is growth. A series that an earlier scrape
    did not have began at 0 after that scrape.

    Attributes:
        since: the moment, seconds since the epoch; the last sample at or before it is the baseline.
        whole: the first sample after it is the baseline instead, for what lies between two scrapes may have come before it.
        grown: the growth so far.
    """

    since: float
    grown: float = 0.0
    whole: bool = False
    _at: float = float("-inf")
    _value: float | None = None

    def add(self, at: float, value: float, first_seen: float) -> None:
        """Add the next sample; one that was added already changes nothing.

        Args:
            first_seen: time of the oldest scrape that would have had this series, which tells a newcomer from a series whose
                older samples were merely not asked for: the first value of that one may be old, and is its baseline.
        """
        if at <= self._at:
            return
        if at > self.since:
            if self._value is None:
                self._value = 0.0 if first_seen < at else value
            elif self.whole and self._at <= self.since:
                self._value = value
            self.grown += value - self._value if value >= self._value else value
        self._at, self._value = at, value


def oldest_sample(many: Iterable[Series]) -> float:
    """Time of the oldest sample; infinity where there is none."""
    return min((series.samples[0][0] for series in many if series.samples), default=float("inf"))


def newest_sample(many: Iterable[Series]) -> float:
    """Time of the newest sample; 0 where there is none."""
    return max((series.samples[-1][0] for series in many if series.samples), default=0.0)
