"""The pace of a release's metrics: how often they are scraped, measured once, and when the next look is worth its query."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from blocks.metrics.base import Counters
from sluice.measures.cadence import GUESS, next_look, period_of, search
from sluice.measures.series import Selector
from sluice.measures.tally import Tally

PAST = 300.0
"""Seconds that are looked back to see how often scrapes come."""
AFTER_SCRAPE = 0.15
"""Seconds from a scrape's date until it can be read."""


@dataclass(slots=True)
class Pace:
    """How often what a release is judged by is scraped.

    Attributes:
        period: seconds between scrapes, of the slowest of its metrics; None while no scrapes are known.
        tried: when that was looked for last, seconds since the epoch.
    """

    period: float | None = None
    tried: float = float("-inf")

    @property
    def assumed(self) -> float:
        """The period, or what is usual."""
        return GUESS if self.period is None else self.period

    async def learn(self, metrics: Counters, selectors: Sequence[Selector]) -> bool:
        """Measure the period where it is not known; whether it is known since now. What cannot be read is tried later."""
        now = metrics.now()
        if self.period is not None or now - self.tried < GUESS:
            return False
        self.tried = now
        read = await asyncio.gather(
            *(metrics.samples(one, now - PAST, now) for one in selectors), return_exceptions=True
        )
        periods = [period_of(one) for one in read if not isinstance(one, BaseException)]
        self.period = max((one for one in periods if one is not None), default=None)
        return self.period is not None

    def pause(self, now: float, tallies: Sequence[Tally], waited: float, first: float) -> float:
        """Seconds until the next look: right after the next scrape, where one is known.

        Args:
            now: seconds since the epoch, by the provider's clock.
            waited: seconds since there was nothing to see.
            first: seconds between the first two looks while no scrape is known.
        """
        period = self.period
        seen = [tally.due(period) for tally in tallies if tally.newest] if period else []
        if period is None or not seen:
            return search(waited, first)
        return next_look(now, min(seen) + AFTER_SCRAPE, period)
