"""A running count of one metric of one release: what a scrape added is counted, never the whole release again.

Canary and primary are counted from the same samples up to the same moments, so that they can be held against each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective, Telemetry
from sluice.measures.series import Counter, Selector, Series, newest_sample, oldest_sample

Key = tuple[tuple[str, str], ...]
Target = tuple[str, str]
Grown = dict[Key, tuple[dict[str, str], Counter]]


MOST_PAST = 4000
"""Moments that are remembered one by one: a baseline is compared over a whole release, and that may wait for a weekend."""
MOST_TARGETS, FORGOTTEN = 500, 600.0
"""Targets whose last scrape is remembered however old it is; and seconds after which it is not, where there are more."""


@dataclass(slots=True)
class Tally:
    """Requests to both sides after a moment, and the bad ones among them.

    Attributes:
        objective, telemetry: what counts as bad, and how requests look.
        since: the moment, seconds since the epoch.
        span: seconds that the longest window looks back.
        whole: only what came after `since` for certain is counted, see `Counter`; else a scrape's whole growth.
        newest: time of the newest sample of either side; 0 where there is none.
        sides: requests since `since`, of each side, up to the same moment.
    """

    objective: Objective
    telemetry: Telemetry
    since: float
    span: float
    whole: bool = False
    newest: float = 0.0
    sides: Sides = field(default_factory=Sides)
    _oldest: float = float("inf")
    _scraped: dict[Target, float] = field(default_factory=dict)
    _canary: Grown = field(default_factory=dict)
    _primary: Grown = field(default_factory=dict)
    _last: dict[Target | None, float] = field(default_factory=dict)
    _past: deque[tuple[float, Sides]] = field(default_factory=deque)

    @property
    def counts(self) -> Counts:
        """The canary's since `since`."""
        return self.sides.canary

    @property
    def primary(self) -> Counts:
        """The primary's since `since`."""
        return self.sides.primary

    @property
    def selector(self) -> Selector:
        """The series that have to be read next: all buckets at first, then only those that decide.

        Raises:
            InvalidError: no bucket of the histogram could tell that a request was too slow.
        """
        return self.telemetry.selector(self.objective, self.objective.deciding(self._bounds(), self.telemetry))

    def add(self, both: Sequence[Series]) -> None:
        """Add the samples of both sides; samples that were added already change nothing.

        That the primary was seen at an earlier scrape is what proves that a series of the canary is new and began at zero:
        at one before `since`, or else, where the primary had no requests by then, at one of the same target.

        Raises:
            InvalidError: no bucket of the histogram could tell that a request was too slow.
        """
        self._note_scraped(both)
        self.newest = max(self.newest, newest_sample(both))
        self._note_last(both)
        by_time: dict[float, list[tuple[Counter, float, float]]] = {}
        for series in both:
            side = self._side(series.labels.get(self.telemetry.side_label))
            if side is not None:
                self.objective.check_countable(series.labels, self.telemetry)
                counter, first_seen = self._counter(side, series.labels), self._first_seen(series.labels)
                for at, value in series.samples:
                    by_time.setdefault(at, []).append((counter, value, first_seen))
        for at in sorted(by_time):
            for counter, value, first_seen in by_time[at]:
                counter.add(at, value, first_seen)
            if at > self.since and (not self._past or at > self._past[-1][0]):
                self.sides = Sides(self._count(self._canary), self._count(self._primary))
                self._past.append((at, self.sides))
        if len(self._past) > MOST_PAST:
            self._thin()
        while len(self._past) > 2 and self._past[1][0] < self.newest - self.span:
            self._past.popleft()

    def window(self, begin: float) -> Counts:
        """What came to the canary after `begin`, seconds since the epoch, which is at most `span` ago."""
        return self.both(begin).canary

    def both(self, begin: float) -> Sides:
        """What came to each side after `begin`, seconds since the epoch, which is at most `span` ago."""
        before = Sides()
        for at, sides in self._past:
            if at > begin:
                break
            before = sides
        return self.sides.since(before)

    def due(self, period: float) -> float:
        """When the next scrape of a target is due, the first of those that are still scraped; `period` after the newest."""
        scraped = [at for at in self._last.values() if at > self.newest - 1.5 * period]
        return min(scraped, default=self.newest) + period

    def moments(self, after: float) -> list[tuple[float, Sides]]:
        """The counts at each scrape later than `after`, oldest first; those older than `span` are in the first one."""
        found = []
        for at, sides in reversed(self._past):
            if at <= after:
                break
            found.append((at, sides))
        return found[::-1]

    def _note_scraped(self, both: Sequence[Series]) -> None:
        """Remember the oldest scrape of all, and of each target where that one came too late to be the baseline."""
        if self._oldest == float("inf"):
            self._oldest = oldest_sample(both)
        if self._oldest <= self.since:
            return
        for series in both:
            target = _target(series.labels)
            if target and series.samples:
                self._scraped[target] = min(self._scraped.get(target, float("inf")), series.samples[0][0])

    def _note_last(self, both: Sequence[Series]) -> None:
        """Remember each target's newest scrape; one that has not been scraped for as long as a window is forgotten."""
        for series in both:
            if series.samples:
                target = _target(series.labels)
                self._last[target] = max(self._last.get(target, 0.0), series.samples[-1][0])
        if len(self._last) > MOST_TARGETS:
            self._last = {one: at for one, at in self._last.items() if at > self.newest - FORGOTTEN}

    def _thin(self) -> None:
        """Of the older half every second moment is enough: what lies between two of them is counted in the later one."""
        past = list(self._past)
        half = len(past) // 2
        self._past = deque([*past[1:half:2], *past[half:]])

    def _first_seen(self, labels: dict[str, str]) -> float:
        """Time of the oldest scrape that would have had a series; infinity where none is known."""
        if self._oldest <= self.since:
            return self._oldest
        target = _target(labels)
        return self._scraped.get(target, float("inf")) if target else float("inf")

    def _side(self, value: str | None) -> Grown | None:
        return {self.telemetry.canary: self._canary, self.telemetry.primary: self._primary}.get(value or "")

    def _count(self, side: Grown) -> Counts:
        return self.objective.counts([(labels, counter.grown) for labels, counter in side.values()], self.telemetry)

    def _counter(self, side: Grown, labels: dict[str, str]) -> Counter:
        key = tuple(sorted(labels.items()))
        found = side.get(key)
        if found is None:
            found = side[key] = (labels, Counter(self.since, whole=self.whole))
        return found[1]

    def _bounds(self) -> frozenset[str]:
        both = (*self._canary.values(), *self._primary.values())
        return frozenset(labels["le"] for labels, _ in both if "le" in labels)


def _target(labels: dict[str, str]) -> Target | None:
    """What was scraped: a scrape has all series of its target. None where the labels do not say."""
    return (labels.get("job", ""), labels["instance"]) if "instance" in labels else None
