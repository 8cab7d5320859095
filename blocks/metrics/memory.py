"""Measures that a test sets. It keeps the contract of all metrics providers."""

from __future__ import annotations

from dataclasses import dataclass, field

from sluice.judge.counters import Series


@dataclass(slots=True)
class MemoryMetrics:
    """Series by selector, values by query."""

    series: dict[str, list[Series]] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)

    async def samples(self, selector: str, start: float, end: float) -> list[Series]:
        found = self.series.get(selector, [])
        cut = [Series(one.labels, tuple((t, v) for t, v in one.samples if start < t <= end)) for one in found]
        return [one for one in cut if one.samples]

    async def value(self, query: str) -> float | None:
        return self.values.get(query)
