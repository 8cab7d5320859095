"""A fight: somebody changes again and again what is put back again and again, mostly a controller of its own mind."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WINDOW, MOST = 120.0, 5
"""So many corrections of one object within so many seconds are a fight."""
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 600.0
"""Seconds between two corrections in a fight: the first pause, doubled each time up to the longest."""


DAY = 24 * 3600.0
"""Seconds without the same change, after which it is news once more."""


@dataclass(slots=True)
class Repeats:
    """How often people were informed of one change that came back after it was put back."""

    times: int = 0
    at: float = 0.0

    def once_more(self, now: float) -> bool:
        """Count it; whether people are to hear of it. The last time they do is when `times` is MOST."""
        self.times = 1 if now - self.at > DAY else self.times + 1
        self.at = now
        return self.times <= MOST


@dataclass(slots=True)
class Struggle:
    """What is remembered of one object that is put back.

    Attributes:
        corrections: when it was, lately.
        pause: seconds until the next one; 0 where there is no fight.
        until: when that is over.
    """

    corrections: deque[float] = field(default_factory=lambda: deque(maxlen=MOST))
    pause: float = 0.0
    until: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until it may be put back; 0 for now."""
        return max(0.0, self.until - now)

    def corrected(self, now: float) -> bool:
        """Note that it is put back now; True where that makes it a fight, which people have not heard of."""
        self.corrections.append(now)
        if self.pause and now - self.until > 2 * self.pause:
            self.pause = 0.0  # it was quiet for long
            self.corrections.clear()
        fights = len(self.corrections) == MOST and now - self.corrections[0] <= max(WINDOW, MOST * self.pause)
        new = fights and not self.pause
        if self.pause or fights:
            self.pause = min(2 * self.pause, LONGEST_PAUSE) if self.pause else FIRST_PAUSE
            self.until = now + self.pause
        return new

    def over(self, now: float) -> bool:
        """Whether there is nothing to remember any more."""
        return not self.corrections or now - max(self.corrections[-1], self.until) > max(WINDOW, 2 * self.pause)
