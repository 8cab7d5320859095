"""Requests of one step as the data plane counted them: to both sides, and those that it answered with an error itself.

Weights hold from a moment on, and a scrape shows the growth since the scrape before: of what lies around that moment nobody
can say how much came before it. So that is left out on both sides; with a minute between two scrapes a primary would seem to
have had requests of a minute in which a canary had no weight yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blocks.metrics.base import Counters
from sluice.errors import InvalidError, TransientError
from sluice.judge.policy import RECENT
from sluice.measures.counts import Sides
from sluice.measures.objective import Objective, Telemetry
from sluice.measures.series import Counter, Selector, Series
from sluice.measures.tally import Tally

SETTLED = 2.0
"""Seconds after a shift until a route's weights are in force at every proxy."""


@dataclass(slots=True)
class OfRoute:
    """What the data plane counted in a step; nothing where it counts no requests.

    Attributes:
        metrics: where its counters are read.
        usual: how its requests look.
        objective: the metric whose samples are counted here too; they are read once.
    """

    metrics: Counters
    usual: Telemetry | None
    objective: Objective | None = None
    _tally: Tally | None = None

    def begin(self, step_started: float, look_back: float) -> None:
        """Count for the step that began at a moment, seconds since the epoch; the one under way goes on."""
        since = step_started + SETTLED
        if self.objective and self.usual and (self._tally is None or self._tally.since != since):
            self._tally = Tally(self.objective, self.usual, since, RECENT + look_back, whole=True)

    def add(self, objective: Objective, both: Sequence[Series]) -> None:
        """Add samples that were read for a metric."""
        if self._tally is not None and objective is self.objective:
            self._tally.add(both)

    @property
    def since(self) -> float:
        """The moment after which `sides` are counted: the step's begin, or a minute ago."""
        return max(self._tally.since, self._tally.newest - RECENT) if self._tally else 0.0

    @property
    def sides(self) -> Sides:
        """Requests to both sides in the last minute of the step."""
        return self._tally.both(self.since) if self._tally else Sides()

    async def answered_itself(self, look_back: float) -> float:
        """How many requests it answered with an error itself in that minute; 0 where nothing counts them, or nobody can say.

        Args:
            look_back: seconds before it that are read too, for what was counted already.
        """
        if self.usual is None or not self.usual.unserved:
            return 0.0
        since, grown, now = self.since, 0.0, self.metrics.now()
        for name in self.usual.unserved:
            selector = Selector(name, self.usual.unserved_label, frozenset(), where=frozenset(self.usual.where.items()))
            try:
                found = await self.metrics.samples(selector, since - look_back, now)
            except (TransientError, InvalidError):
                continue  # what is missing holds the step all the same
            for series in found:
                counter = Counter(since, whole=True)
                for at, value in series.samples:
                    counter.add(at, value, float("inf"))
                grown += counter.grown
        return grown
