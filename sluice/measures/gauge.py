"""A gauge, such as a queue's age or stuck messages, as looks at it: how often it was outside of its range.

What is judged is whether it comes back. Null hypothesis: whatever went before, at the next look it is outside with a
probability of at most `OUTSIDE`, one half. A look is then a block of one request (`bets/blocks.py`), and looks in a row are
what counts: eleven of them outside fail a release that has one metric at 0.1 %. A gauge that swings in and out says nothing.
The primary's value at the same moments is the control: both are outside alike often
(`bets/against_primary.py`, one request each).

Single requests fail independently, and a gauge does not: it moves slowly, and one trouble is many looks long. So looks are
no requests here, and no likelihood ratio of a smaller share is bet on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import isinf

from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective

KEPT = 100
"""Looks that are remembered one by one: more than come between two of the judge's."""


@dataclass(slots=True)
class GaugeTally:
    """Looks at both sides of a release, and those at which the gauge was outside.

    Attributes:
        objective: the metric with its range.
        sides: looks so far, of each side; a worker that resumes a release begins with what the journal has.
        last: the last look alone.
        newest: when it was, seconds since the epoch; 0 before the first.
    """

    objective: Objective
    sides: Sides = field(default_factory=Sides)
    last: Sides = field(default_factory=Sides)
    newest: float = 0.0
    _past: deque[tuple[float, Sides]] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, at: float, canary: float | None, primary: float | None = None) -> None:
        """Add a look; None is no value, and no look at that side."""
        self.last = Sides(self._look(canary), self._look(primary))
        if self.last == Sides():
            return
        self.newest = at
        self.sides = Sides(_sum(self.sides.canary, self.last.canary), _sum(self.sides.primary, self.last.primary))
        self._past.append((at, self.sides))

    def moments(self, after: float) -> list[tuple[float, Sides]]:
        """The looks so far at each look later than `after`, seconds since the epoch, oldest first."""
        return [one for one in self._past if one[0] > after]

    def _look(self, value: float | None) -> Counts:
        bounds = self.objective.metric.threshold_range
        if value is None or bounds is None or (isinf(value) and bounds.holds(value)):
            return Counts()  # a division by zero proves nothing good
        return Counts(1, 0 if bounds.holds(value) else 1)


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(one.requests + other.requests, one.bad + other.bad)
