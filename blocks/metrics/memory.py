"""Measures that a test sets. It keeps both contracts of metrics providers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sluice.measures.series import Selector, Series


@dataclass(slots=True)
class MemoryMetrics:
    """Series by their metric's name, values by query."""

    series: dict[str, list[Series]] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)

    def now(self) -> float:
        return time.time()

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        found = [one for one in self.series.get(selector.metric, []) if selector.wants(one)]
        cut = [Series(one.labels, tuple((t, v) for t, v in one.samples if start < t <= end)) for one in found]
        return [one for one in cut if one.samples]

    async def value(self, query: str) -> float | None:
        return self.values.get(query)
