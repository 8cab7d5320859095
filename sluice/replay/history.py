"""A stretch of a provider's history as looks of the judge: what it would have seen, had it been there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from sluice.judge.policy import RECENT
from sluice.judge.sequential import Look
from sluice.judge.state import JudgeState
from sluice.measures.counts import Sides
from sluice.measures.tally import Tally
from sluice.replay.checks import Checks
from sluice.replay.recording import Recording


def recording_of(
    tallies: Sequence[Tally], since: float, weight: int, *, interleave: bool = False, checks: Checks | None = None
) -> Recording:
    """One look after each scrape.

    Args:
        tallies: all samples of that stretch, of each metric, with a `span` that holds it whole.
        since: when the release began, seconds since the epoch.
        weight: the canary's share of the traffic then, percent.
        interleave: the manifest's `analysis.interleave`.
        checks: how the manifest has checks made.
    """
    moments = {tally.objective.metric.name: tally.moments(since) for tally in tallies}
    counted = {name: dict(one) for name, one in moments.items()}
    looks = []
    for now in sorted({at for one in moments.values() for at, _ in one}):
        # Not all targets are scraped at the same moment: each metric is given up to its own last scrape.
        scrapes = {name: [(now, one[now])] for name, one in counted.items() if now in one}
        recent = {name: _recent(one, now) for name, one in moments.items()}
        looks.append(Look(now, now, weight, since, scrapes, recent))
    return Recording(
        weight=weight,
        state=JudgeState(revision="", since=since),
        objectives=tuple(tally.objective for tally in tallies),
        interleave=interleave,
        checks=checks,
        looks=tuple(looks),
    )


def _recent(moments: Sequence[tuple[float, Sides]], now: float) -> Sides:
    return _until(moments, now).since(_until(moments, now - RECENT))


def _until(moments: Sequence[tuple[float, Sides]], at: float) -> Sides:
    known = bisect_right(moments, at, key=lambda one: one[0])
    return moments[known - 1][1] if known else Sides()
