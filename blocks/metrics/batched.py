"""Many readers, few queries: what hundreds of rollouts want to read at the same moment is asked in one query.

Services that one Prometheus scrapes are read right after their scrape, so wishes come in bunches. Those of a moment are
put together by metric, and the answer is divided again: Prometheus' load does not grow with the number of rollouts.

A batch that is refused, or is more than the server's limits allow, is asked in halves, and each of those in halves where it
has to be: what is odd about one wish fails that one alone.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from math import ceil, log

from blocks.metrics.base import Counters, LimitError
from sluice.errors import InvalidError
from sluice.measures.series import Selector, Series

GATHER = 0.05
"""Seconds that a first wish waits for others."""
MOST = 500
"""Wishes in one query."""
SHORT = 15.0
"""Seconds of samples up to which wishes are put together. Those of up to four times as much are another batch, and so on:
where one needs a whole release, not all get so much."""

Kind = tuple[str, str, bool, frozenset[tuple[str, str]], int]


@dataclass(slots=True, eq=False)
class _Wish:
    """What one rollout wants to read."""

    selector: Selector
    start: float
    end: float
    answer: asyncio.Future[list[Series]] = field(default_factory=asyncio.Future)

    def give(self, by_value: dict[str, list[Series]]) -> None:
        wanted = sorted(self.selector.values or by_value)
        found = [one for value in wanted for one in by_value.get(value, ())]
        cut = [Series(one.labels, tuple(s for s in one.samples if self.start < s[0] <= self.end)) for one in found]
        self.answer.set_result([one for one in cut if one.samples])


@dataclass(slots=True)
class Batched:
    """Counters whose samples are read in batches."""

    counters: Counters
    _open: dict[Kind, list[_Wish]] = field(default_factory=dict)
    _asking: set[asyncio.Task[None]] = field(default_factory=set)

    def now(self) -> float:
        return self.counters.now()

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        kind = (selector.metric, selector.label, bool(selector.values), selector.where, _span(end - start))
        batch = self._open.get(kind)
        if batch is None or len(batch) >= MOST:
            batch = self._open[kind] = []
            asking = asyncio.create_task(self._ask(kind, batch))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        wish = _Wish(selector, start, end)
        batch.append(wish)
        return await asyncio.shield(wish.answer)

    async def _ask(self, kind: Kind, batch: list[_Wish]) -> None:
        await asyncio.sleep(GATHER)
        if self._open.get(kind) is batch:
            del self._open[kind]
        await self._divide(batch)

    async def _divide(self, wishes: list[_Wish]) -> None:
        """Ask for all of them; what is refused of many is asked in halves."""
        try:
            by_value = await self._read(wishes)
        except Exception as error:
            if len(wishes) == 1 or not isinstance(error, InvalidError | LimitError):
                for wish in wishes:
                    _fail(wish.answer, error)
                return
            middle = len(wishes) // 2
            await self._divide(wishes[:middle])
            await self._divide(wishes[middle:])
        else:
            for wish in wishes:
                wish.give(by_value)

    async def _read(self, wishes: list[_Wish]) -> dict[str, list[Series]]:
        """The series of many wishes by the value of the label that tells services apart."""
        first, asked = wishes[0].selector, [wish.selector for wish in wishes]
        values = frozenset[str]().union(*(one.values for one in asked))
        # Who needs all buckets gets them, and so do the others of the batch.
        bounds = frozenset[str]().union(*(one.bounds for one in asked)) if all(one.bounds for one in asked) else ()
        selector = Selector(first.metric, first.label, values, frozenset(bounds), first.where)
        start, end = min(wish.start for wish in wishes), max(wish.end for wish in wishes)
        by_value: dict[str, list[Series]] = {}
        for one in await self.counters.samples(selector, start, end):
            by_value.setdefault(one.labels[first.label], []).append(one)
        return by_value


def _span(seconds: float) -> int:
    """The class of a wish's length: each is four times as long as the one before it."""
    return max(0, ceil(log(max(seconds, SHORT) / SHORT, 4)))


def _fail(answer: asyncio.Future[list[Series]], error: Exception) -> None:
    answer.set_exception(error)
    answer.exception()  # seen: those who waited may all be gone by now
