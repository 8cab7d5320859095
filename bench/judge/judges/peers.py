"""The rules of Flagger 1.44 and Argo Rollouts 1.9, from their documented semantics, on the same scrapes.

Both ask the provider for a ratio over a window (`rate(...[1m])` in Flagger's built-in metrics and in Argo's examples) at
every interval, and count the checks that were out of bounds. Here each is given its best: queries cost no time, a window
never leaves out a scrape at its edge, the canary's series begin at zero, and no data is no failure for Argo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.judge.streams import ALLOWED, Flags, Ints, Reals, Streams


@dataclass(frozen=True, slots=True)
class Flagger:
    """`analysis.interval`, `analysis.threshold`, and the metrics' `interval`.

    `failedChecks` rises by one at a check with any metric out of bounds or without data, and is never reset. The check
    after it has reached the threshold rolls back.
    """

    interval: int
    threshold: int
    window: int = 60

    def counted(self, streams: Streams) -> tuple[Ints, Ints]:
        """Failed checks so far at each check, and the checks' seconds: [releases, checks], [checks]."""
        at = np.arange(self.interval, streams.scenario.seconds + 1, self.interval)
        failed = np.any(_out_of_bounds(streams, at, self.window, no_data=True), axis=0)
        return np.cumsum(failed, axis=1), at

    def judge(self, streams: Streams) -> Reals:
        """Second at which each release is rolled back, infinity where it is not."""
        counts, at = self.counted(streams)
        late = first_reached(counts, at, self.threshold) + self.interval
        return np.where(late <= streams.scenario.seconds, late, np.inf)

    def __str__(self) -> str:
        return f"Flagger {self.interval}s/{self.threshold}" + _window(self.window)


@dataclass(frozen=True, slots=True)
class Argo:
    """`interval`, `failureLimit` of an AnalysisTemplate's metrics, and the window of their queries.

    A measurement fails where its successCondition is false; more failures of one metric than its failureLimit fail the
    run. They are never reset. The condition is the guarded one (`isNaN(result) || result >= 0.99`); the naive one fails
    every release at its first measurement, before there is any traffic.
    """

    interval: int
    limit: int
    window: int = 60

    def counted(self, streams: Streams) -> tuple[Ints, Ints]:
        """Failures so far of the metric with most of them, and the measurements' seconds."""
        at = np.arange(0, streams.scenario.seconds + 1, self.interval)
        each = [np.cumsum(out, axis=1) for out in _out_of_bounds(streams, at, self.window, no_data=False)]
        return np.max(each, axis=0), at

    def judge(self, streams: Streams) -> Reals:
        """Second at which each release is aborted, infinity where it is not."""
        counts, at = self.counted(streams)
        return first_reached(counts, at, self.limit + 1)

    def __str__(self) -> str:
        return f"Argo {self.interval}s/{self.limit}" + _window(self.window)


def first_reached(counts: Ints, at: Ints, needed: int) -> Reals:
    """Second at which so many checks have failed; infinity where they never have."""
    reached = counts[:, -1] >= needed
    return np.where(reached, at[np.argmax(counts >= needed, axis=1)], np.inf)


def _out_of_bounds(streams: Streams, at: Ints, window: int, *, no_data: bool) -> list[Flags]:
    begin = np.maximum(at - window, 0)
    requests, *bad = (seen[:, at] - seen[:, begin] for seen in streams.seen)
    # On counts: a ratio of rates has the same factor above and below.
    return [np.where(requests > 0, one > ALLOWED * requests + 1e-9, no_data) for one in bad]


def _window(seconds: int) -> str:
    return "" if seconds == 60 else f" [{seconds}s]"
