"""A stretch of a provider's history as looks of the judge: what it would have seen, had it been there."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.judge.objective import Halves
from sluice.judge.policy import RECENT
from sluice.judge.recording import Recording
from sluice.judge.sequential import Look
from sluice.judge.state import JudgeState
from sluice.judge.tally import Tally


def recording_of(tallies: Sequence[Tally], since: float, weight: int) -> Recording:
    """One look after each scrape.

    Args:
        tallies: all samples of that stretch, of each metric, with a `span` that holds it whole.
        since: when the release began, seconds since the epoch.
        weight: the canary's share of the traffic then, percent.
    """
    moments = {tally.objective.metric.name: tally.moments(since) for tally in tallies}
    looks = []
    for now in sorted({at for one in moments.values() for at, _ in one}):
        # Not all targets are scraped at the same moment: each metric is told up to its own last scrape.
        scrapes = {name: [(at, halves) for at, halves in one if at == now] for name, one in moments.items()}
        recent = {name: _recent(one, now) for name, one in moments.items()}
        looks.append(Look(now, now, weight, since, {k: v for k, v in scrapes.items() if v}, recent))
    return Recording(
        weight=weight,
        state=JudgeState(revision="", since=since),
        objectives=tuple(tally.objective for tally in tallies),
        looks=tuple(looks),
    )


def _recent(moments: Sequence[tuple[float, Halves]], now: float) -> Halves:
    seen = [halves for at, halves in moments if at <= now]
    before = [halves for at, halves in moments if at <= now - RECENT]
    return (seen[-1] if seen else Halves()).since(before[-1] if before else Halves())
