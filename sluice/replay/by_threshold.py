"""Flagger's rule on what was recorded: each metric's window against its bound at every check, and so many failed checks.

It is given its best: a query costs no time, a window leaves out no scrape at its edge, the canary's counts begin at zero.
Flagger itself acts one interval later, at the check after the one that this verdict falls at. Of the user's own queries only
gauges are recorded: the last look at one is held against its range.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from sluice.errors import InvalidError
from sluice.judge.check import threshold_check, without_data
from sluice.judge.judgement import Judgement
from sluice.judge.verdict import Verdict
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective
from sluice.measures.reading import Reading
from sluice.replay.checks import Checks
from sluice.replay.recording import Recording, Replayed


@dataclass(frozen=True, slots=True)
class ByThreshold:
    """So many failed checks, so many seconds apart.

    Attributes:
        interval: seconds between two checks; None for when they were made.
        threshold: failed checks that roll the release back; None for what the manifest said.
    """

    interval: float | None = None
    threshold: int | None = None

    @property
    def earliest(self) -> float:
        """Seconds into a release before which this rule cannot roll it back."""
        return (self.interval or 0.0) * (self.threshold or 1)

    def judge(self, recordings: Sequence[Recording]) -> Iterator[Replayed]:
        """A verdict at each check; after a FAIL there is nothing to be said.

        Args:
            recordings: a release's steps, oldest first.

        Raises:
            InvalidError: neither this rule nor a recording says how many failed checks are too many.
        """
        counted = _Counted.of(recordings)
        failed, extended = 0, False
        for at, recording in _moments(recordings, self.interval):
            checks = recording.checks or Checks()
            check = counted.check(at, recording, checks)
            after = without_data(check, checks.on_no_data, extended)
            extended = check.verdict is Verdict.NO_DATA
            if after.verdict is Verdict.FAIL:
                failed += 1
                after = _failed(after, failed, self._most(recording))
            yield Replayed(at, recording.weight, after)
            if after.verdict is Verdict.FAIL:
                return

    def _most(self, recording: Recording) -> int:
        if self.threshold is None and recording.checks is None:
            raise InvalidError("the recording does not say how many failed checks its manifest allows: say --threshold")
        return self.threshold or (recording.checks or Checks()).threshold

    def __str__(self) -> str:
        if self.interval is None and self.threshold is None:
            return "threshold, as the manifest has it"
        often = "the manifest's number of" if self.threshold is None else str(self.threshold)
        apart = "" if self.interval is None else f", {self.interval:g} s apart"
        return f"threshold, {often} failed check{'' if self.threshold == 1 else 's'}{apart}"


def _moments(recordings: Sequence[Recording], interval: float | None) -> Iterator[tuple[float, Recording]]:
    """When checks are made, and the step that each of them is in."""
    seen = [recording for recording in recordings if recording.looks]
    if not seen:
        return
    interval = interval or (seen[0].checks or Checks()).interval
    if interval is None:
        yield from ((recording.looks[-1].now, recording) for recording in seen)
        return
    begins = [recording.looks[0].now for recording in seen]
    for number in count(1):
        at = seen[0].state.since + number * interval
        if at > seen[-1].looks[-1].now:
            return
        yield at, seen[max(0, bisect_right(begins, at) - 1)]


def _failed(check: Judgement, failed: int, threshold: int) -> Judgement:
    verdict = Verdict.FAIL if failed >= threshold else Verdict.CONTINUE
    said = f"{failed} of {threshold} failed checks: {check.reason}"
    return check.model_copy(update={"verdict": verdict, "reason": said})


def _look(objective: Objective, look: Counts) -> Reading:
    """One look at a gauge: what its value was is not recorded, and no number of requests is too small for it."""
    value = None if not look.requests else 0.0 if look.bad else 100.0
    bound = str(objective.metric.threshold_range)
    return Reading(metric=objective.metric.name, value=value, unit="% inside", bound=bound, within=not look.bad)


@dataclass(slots=True)
class _Counted:
    """The counts since a release began, by metric, at each of its scrapes."""

    times: dict[str, list[float]] = field(default_factory=dict)
    sides: dict[str, list[Sides]] = field(default_factory=dict)

    @classmethod
    def of(cls, recordings: Sequence[Recording]) -> _Counted:
        counted = cls()
        for recording in recordings:
            for name, metric in recording.state.metrics.items():
                # What a worker that died has left no record of is in the memory of the one that took over.
                counted._add(name, metric.at, Sides(metric.seen, metric.primary or Counts()))
            for look in recording.looks:
                for name, scrapes in look.scrapes.items():
                    for at, sides in scrapes:
                        counted._add(name, at, sides)
        return counted

    def _add(self, name: str, at: float, sides: Sides) -> None:
        times = self.times.setdefault(name, [])
        if not times or at > times[-1]:
            times.append(at)
            self.sides.setdefault(name, []).append(sides)

    def check(self, at: float, recording: Recording, checks: Checks) -> Judgement:
        """Each metric's window up to a moment against its bound."""
        readings = []
        for objective in recording.objectives:
            name, begin = objective.metric.name, at - objective.metric.interval
            if objective.gauge:
                begin = max(begin, self._before_last(name, at))
            window = self._until(name, at).since(self._until(name, begin)).canary
            readings.append(_look(objective, window) if objective.gauge else objective.reading(window))
        return threshold_check(readings, checks.min_requests)

    def _before_last(self, name: str, at: float) -> float:
        times = self.times.get(name, [])
        known = bisect_right(times, at)
        return times[known - 2] if known > 1 else 0.0

    def _until(self, name: str, at: float) -> Sides:
        known = bisect_right(self.times.get(name, ()), at)
        return self.sides[name][known - 1] if known else Sides()
