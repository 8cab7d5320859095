"""A running count of one metric of one release: what a scrape added is counted, never the whole release again."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from sluice.judge.counters import Counter, Selector, Series, newest_sample, oldest_sample
from sluice.judge.objective import Counts, Objective, Telemetry

Key = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Tally:
    """Requests to the canary after a moment, and the bad ones among them.

    Attributes:
        objective, telemetry: what counts as bad, and how requests look.
        since: the moment, seconds since the epoch.
        span: seconds that the longest window looks back.
        newest: time of the newest sample of either half; 0 where there is none.
        counts: since `since`.
    """

    objective: Objective
    telemetry: Telemetry
    since: float
    span: float
    newest: float = 0.0
    counts: Counts = field(default_factory=Counts)
    _first_seen: float = float("inf")
    _counters: dict[Key, tuple[dict[str, str], Counter]] = field(default_factory=dict)
    _past: deque[tuple[float, Counts]] = field(default_factory=deque)

    @property
    def selector(self) -> Selector:
        """The series that have to be read next: all buckets at first, then only those that decide."""
        return self.telemetry.selector(self.objective, self.objective.deciding(self._bounds(), self.telemetry))

    def take(self, both: Sequence[Series]) -> None:
        """Take in the samples of both halves; samples that were taken already change nothing.

        That the primary was seen at an earlier scrape is what proves that a series of the canary is new and began at zero.
        """
        if self._first_seen == float("inf"):
            self._first_seen = oldest_sample(both)
        self.newest = max(self.newest, newest_sample(both))
        by_time: dict[float, list[tuple[Counter, float]]] = {}
        for series in both:
            if series.labels.get(self.telemetry.half_label) == self.telemetry.canary:
                counter = self._counter(series.labels)
                for at, value in series.samples:
                    by_time.setdefault(at, []).append((counter, value))
        for at in sorted(by_time):
            for counter, value in by_time[at]:
                counter.take(at, value, self._first_seen)
            if at > self.since and (not self._past or at > self._past[-1][0]):
                self.counts = self.objective.counts(
                    [(labels, counter.grown) for labels, counter in self._counters.values()], self.telemetry
                )
                self._past.append((at, self.counts))
        while len(self._past) > 2 and self._past[1][0] < self.newest - self.span:
            self._past.popleft()

    def window(self, begin: float) -> Counts:
        """What came after `begin`, seconds since the epoch, which is at most `span` ago."""
        before = Counts()
        for at, counts in self._past:
            if at > begin:
                break
            before = counts
        return self.counts.since(before)

    def _counter(self, labels: dict[str, str]) -> Counter:
        key = tuple(sorted(labels.items()))
        found = self._counters.get(key)
        if found is None:
            found = self._counters[key] = (labels, Counter(self.since))
        return found[1]

    def _bounds(self) -> frozenset[str]:
        return frozenset(labels["le"] for labels, _ in self._counters.values() if "le" in labels)
