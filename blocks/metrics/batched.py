"""Many readers, few queries: what hundreds of rollouts want to read at the same moment is asked in one query.

Services that one Prometheus scrapes are read right after their scrape, so wishes come in bunches. Those of a moment are
put together by metric, and the answer is divided again: Prometheus' load does not grow with the number of rollouts.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from blocks.metrics.base import Counters
from sluice.measures.series import Selector, Series

GATHER = 0.05
"""Seconds that a first wish waits for others."""
MOST = 500
"""Wishes in one query."""
SHORT = 15.0
"""Seconds of samples up to which wishes are put together; those who need a whole release are kept apart, so that not all
get so much."""

Kind = tuple[str, str, frozenset[tuple[str, str]], bool]


@dataclass(slots=True)
class _Batch:
    """Wishes that become one query."""

    start: float
    end: float
    values: set[str] = field(default_factory=set)
    bounds: set[str] | None = field(default_factory=set)
    wishes: int = 0
    answer: asyncio.Future[dict[str, list[Series]]] = field(default_factory=asyncio.Future)

    def add(self, selector: Selector, start: float, end: float) -> None:
        self.start, self.end = min(self.start, start), max(self.end, end)
        self.values |= selector.values
        self.wishes += 1
        self.bounds = self.bounds | selector.bounds if selector.bounds and self.bounds is not None else None


@dataclass(slots=True)
class Batched:
    """Counters whose samples are read in batches."""

    counters: Counters
    _open: dict[Kind, _Batch] = field(default_factory=dict)
    _asking: set[asyncio.Task[None]] = field(default_factory=set)

    def now(self) -> float:
        return self.counters.now()

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        kind = (selector.metric, selector.label, selector.where, end - start <= SHORT)
        batch = self._open.get(kind)
        if batch is None or batch.wishes >= MOST:
            batch = self._open[kind] = _Batch(start, end)
            asking = asyncio.create_task(self._ask(kind, batch))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        batch.add(selector, start, end)
        by_value = await asyncio.shield(batch.answer)
        found = [one for value in sorted(selector.values) for one in by_value.get(value, ())]
        cut = [Series(one.labels, tuple(s for s in one.samples if start < s[0] <= end)) for one in found]
        return [one for one in cut if one.samples]

    async def _ask(self, kind: Kind, batch: _Batch) -> None:
        await asyncio.sleep(GATHER)
        if self._open.get(kind) is batch:
            del self._open[kind]
        metric, label, where, _ = kind
        selector = Selector(metric, label, frozenset(batch.values), frozenset(batch.bounds or ()), where)
        by_value: dict[str, list[Series]] = {}
        try:
            for one in await self.counters.samples(selector, batch.start, batch.end):
                by_value.setdefault(one.labels[label], []).append(one)
        except Exception as error:
            _fail(batch.answer, error)
        else:
            batch.answer.set_result(by_value)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    answer.set_exception(error)
    answer.exception()  # seen: those who waited may all be gone by now
