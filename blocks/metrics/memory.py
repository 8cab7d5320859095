"""Measures that a test sets. It keeps the contract of all metrics providers."""

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
        found = [one for one in self.series.get(selector.metric, []) if wanted(selector, one)]
        cut = [Series(one.labels, tuple((t, v) for t, v in one.samples if start < t <= end)) for one in found]
        return [one for one in cut if one.samples]

    async def value(self, query: str) -> float | None:
        return self.values.get(query)


def wanted(selector: Selector, series: Series) -> bool:
    """Whether a selector takes a series of its metric."""
    labels = series.labels
    if any(labels.get(label) != value for label, value in selector.where):
        return False
    return labels.get(selector.label) in selector.values and (not selector.bounds or labels["le"] in selector.bounds)
