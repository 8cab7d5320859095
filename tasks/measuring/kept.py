"""What a step leaves behind: the moments of its chart and what its judge saw, bounded however long the step waits."""

from __future__ import annotations

from dataclasses import dataclass, field

from sluice.judge.policy import Policy
from sluice.judge.state import JudgeState
from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.replay.checks import Checks
from sluice.replay.recording import Recorder
from sluice.rollout.result import Point
from tasks.measuring.measure import Measures, Scrape

MOST_POINTS = 500
"""Moments of a step; of more, every second one is enough for a chart."""
MOST_LOOKS = 1000
"""Looks in a recording; then another one begins, and the one before the last is dropped: a verdict rests on what was seen
last, and each recording has the judge's memory where it begins."""


@dataclass(slots=True)
class Kept:
    """What is kept of one step.

    Attributes:
        weight: the canary's share of the traffic, percent.
        points: moments at which something had changed.
    """

    weight: int
    measures: Measures
    analysis: CanaryAnalysis
    points: list[Point] = field(default_factory=list)
    _recorders: list[Recorder] = field(default_factory=list)
    _policy: Policy | None = None

    def note(self, scrape: Scrape, before: JudgeState, at: float) -> None:
        """Keep what a scrape showed, seen by a judge whose memory was `before`."""
        policy = self.measures.policy
        if not self._recorders or len(self._recorders[-1]) >= MOST_LOOKS or policy != self._policy:
            checks = Checks.sluices(self.analysis)
            another = Recorder(self.weight, before, self.measures.objectives, policy, checks)
            self._recorders, self._policy = [*self._recorders[-1:], another], policy
        if scrape.look:
            self._recorders[-1].note(scrape.look, before, scrape.state)
        success = next((one for one in scrape.windows if one.metric == "request-success-rate"), None)
        requests = success.requests if success and success.requests else 0
        value = success.value if success else None
        if not self.points or (value, requests) != (self.points[-1].success, self.points[-1].requests):
            self.points.append(Point(at=at, weight=self.weight, success=value, requests=requests))
        if len(self.points) > MOST_POINTS:
            self.points = self.points[::2]

    @property
    def recordings(self) -> tuple[str, ...]:
        """What the judge saw, packed, oldest first."""
        return tuple(one.packed() for one in self._recorders)
