"""Calendars that Freezes follow: read when their interval is over, when a Freeze changes, and sooner after a failure.

Done by the one worker whose turn it is. What is known is in the status of each Freeze, and the next one goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from blocks.connections import Connections
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import FREEZE
from sluice.errors import SluiceError, TransientError
from sluice.gates.calendar_copy import kept
from sluice.manifests.own.freeze import Freeze
from sluice.recent import Recent
from tasks.upkeep.read_calendar import read_calendar

AT_ONCE = 4
"""Calendars that are read at the same time, each in a process of its own."""
LOOK = 30.0
"""Seconds between two looks at what is due; a change of a Freeze calls for one at once."""
FIRST, TOGETHER = 30.0, 0.1
log = logging.getLogger("sluice.calendars")


@dataclass(slots=True)
class Calendars:
    """What is to be read, and when.

    Attributes:
        clock: seconds since the epoch.
    """

    wired: Connections
    clock: Callable[[], float] = time.time
    _failures: Recent[str, int] = field(default_factory=lambda: Recent(20_000))
    _not_before: Recent[str, float] = field(default_factory=lambda: Recent(20_000))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(self) -> None:
        """Read until cancelled."""
        self.wired.informers.hearing.append(self.hear)
        try:
            while True:
                await self.look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await self._changed.wait()
                        await asyncio.sleep(TOGETHER)
                self._changed.clear()
        finally:
            self.wired.informers.hearing.remove(self.hear)

    def hear(self, kind: Kind, item: object, gone: bool) -> None:
        """Look at once where a Freeze was changed; what is due by its status is found by the look."""
        if kind == FREEZE and not gone:
            self._changed.set()

    async def look(self) -> None:
        """Read what is due."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(freeze: Freeze) -> None:
            async with turn:
                await self._one(freeze)

        await asyncio.gather(*(one(freeze) for freeze in await self._all() if self.is_due(freeze)))

    def is_due(self, freeze: Freeze) -> bool:
        """Whether its calendar is to be read now."""
        calendar = freeze.spec.calendar
        if calendar is None or freeze.spec.suspend or freeze.metadata.deletion_timestamp:
            return False
        if freeze.spec.clusters and self.wired.called not in freeze.spec.clusters:
            return False
        if self._not_before.get(_key(freeze), 0.0) > self.clock():
            return False
        read_at = kept(freeze).read_at
        return not read_at or self.clock() >= datetime.fromisoformat(read_at).timestamp() + calendar.interval

    async def _all(self) -> list[Freeze]:
        informers, home = self.wired.informers, self.wired.home
        found = {item["metadata"]["uid"]: item for item in await informers.given(FREEZE)}
        if home:
            found |= {item["metadata"]["uid"]: item for item in await informers.list(FREEZE, home)}
        return Freeze.valid(found.values())

    async def _one(self, freeze: Freeze) -> None:
        key, interval = _key(freeze), freeze.spec.calendar.interval if freeze.spec.calendar else FIRST
        error: Exception | None
        try:
            error = await read_calendar(freeze)
        except SluiceError as failure:
            error = failure
        except Exception as failure:  # the others are read all the same
            log.exception("the calendar of %s was not read", freeze)
            error = failure
        failures = self._failures[key] = self._failures.get(key, 0) + 1 if error else 0
        pause = min(FIRST * 2.0 ** min(failures - 1, 10), interval) * random.uniform(0.75, 1.25) if error else 0.0
        if isinstance(error, TransientError) and error.retry_after:
            pause = max(pause, min(error.retry_after, interval))
        # Its own status comes back by the watch in a moment: until then it is not due once more.
        self._not_before[key] = self.clock() + (pause or min(interval, LOOK))
        if error:
            log.warning("the calendar of %s was not read: %s", freeze, error)


def _key(freeze: Freeze) -> str:
    return f"{freeze.metadata.uid} {freeze.spec.calendar_asked}"
