"""Whether scrapes come while a step is judged. What was counted before it says nothing of it, however good it was.

Of a provider that is away it says nothing either: that is a verdict of its own, and goes before this one (`step.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from sluice.judge.silence import MISSED_SCRAPES


@dataclass(slots=True)
class Coming:
    """The scrapes of one interval. By this process's clock: the provider's may be another, and people set clocks.

    Attributes:
        since: when the last one came, or the interval began; monotonic seconds.
        newest: time of the newest sample, by the provider's clock; 0 before there is one.
        before: the same at the interval's first look; None before that.
    """

    since: float
    newest: float = 0.0
    before: float | None = None

    def note(self, newest: float, now: float) -> None:
        """Take note of a look that was answered, and of the time of its newest sample."""
        if newest > self.newest:
            self.newest, self.since = newest, now
        if self.before is None:
            self.before = newest

    def awaited(self, now: float, period: float) -> bool:
        """Whether the interval's first scrape has still to come, and is not late; none is where nothing was ever counted."""
        return bool(self.before) and self.newest == self.before and now - self.since <= MISSED_SCRAPES * period

    def blind(self, now: float, period: float) -> str:
        """Why what is known is of before, where scrapes have stopped; empty where they have not."""
        quiet = now - self.since
        return f"no scrape has come for {quiet:.0f} s" if self.newest and quiet > MISSED_SCRAPES * period else ""
