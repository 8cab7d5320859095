"""The keeper: hears of each change of what a Canary brings forth, and has it put right.

A supervised task of the worker, on the watches that its rollouts share: at rest it costs nothing. Who acts on a Canary is
decided by its Lease: where a run of this process holds it, the keeper acts under it; where nobody does, it claims it for as
long as it takes; where another process holds it, that one's keeper acts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from blocks.connections import Connections
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import CANARY, LEASE
from deployments.keeper.acting import Acting, Result
from deployments.keeper.names import journal_of, lease_of, marks, names_of, owners_of

Object = dict[str, Any]
Key = tuple[str, str]
log = logging.getLogger("sluice.keeper")
TOGETHER = 0.05
"""Seconds for changes that belong together, such as those of one `kubectl delete`, to be seen as one."""
AT_ONCE = 16
"""Most Canaries that are put right at one time."""


@dataclass(slots=True)
class Keeper:
    """What has to be looked at, and when."""

    wired: Connections
    acting: Acting
    _names: defaultdict[Key, set[Key]] = field(default_factory=lambda: defaultdict(set))
    _marks: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _due: dict[Key, float] = field(default_factory=dict)
    _busy: dict[Key, asyncio.Task[None]] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def of(cls, wired: Connections) -> Keeper:
        """For the Canaries that a process is connected to."""
        return cls(wired, Acting(wired))

    async def keep(self) -> None:
        """Keep until cancelled: all of them once, then what changes."""
        hearing = self.wired.informers.hearing
        hearing.append(self.hear)
        self.wired.informers.writing.append(self.note)
        try:
            for item in await self.wired.informers.list(CANARY):
                self.hear(CANARY, item, False)
            while True:
                await self._turn()
        finally:
            hearing.remove(self.hear)
            self.wired.informers.writing.remove(self.note)
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def note(self, kind: Kind, item: Object) -> None:
        """Know what this process writes itself: that is as it should be, and most of what changes in a release.

        Each write is fenced by what was known before, so that nobody else's change hides in it. What was not there before is
        looked at, and a journal that moves on, which asks for something else.
        """
        meta = item["metadata"]
        known = (kind.kind, meta.get("namespace", ""), meta["name"])
        if known in self._marks and not (kind == CANARY and self._moves(item)):
            self._marks[known] = marks(kind, item)

    def _moves(self, canary: Object) -> bool:
        meta = canary["metadata"]
        before = self.wired.informers.known(CANARY, meta["name"], meta.get("namespace", ""))
        return before is None or journal_of(before) != journal_of(canary)

    def hear(self, kind: Kind, item: Object, gone: bool) -> None:
        """Note a change; what it means is found out later."""
        meta = item["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        if kind == CANARY:
            for name in names_of(item):
                self._names[(key[0], name)].add(key)
            about = {key}
        elif kind == LEASE:
            about = self._names.get((key[0], lease_of(key[1])), set())
        else:
            about = {(key[0], name) for name in owners_of(item)} | self._names.get(key, set())
        if not about:
            return
        known, mark = (kind.kind, *key), None if gone else marks(kind, item)
        if mark is not None and self._marks.get(known) == mark:
            return
        self._marks.pop(known, None)
        if mark is not None:
            self._marks[known] = mark
        for one in about:
            self._look_at(one, TOGETHER)

    def _look_at(self, key: Key, after: float) -> None:
        at = asyncio.get_running_loop().time() + after
        self._due[key] = min(at, self._due.get(key, at))
        self._wake.set()

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        ready = [key for key, at in self._due.items() if at <= now and key not in self._busy]
        for key in ready[: AT_ONCE - len(self._busy)]:
            del self._due[key]
            self._busy[key] = asyncio.create_task(self._one(key))
        waiting = [at for key, at in self._due.items() if key not in self._busy]
        self._wake.clear()
        room = len(self._busy) < AT_ONCE
        try:
            async with asyncio.timeout(max(min(waiting) - now, 0.0) if waiting and room else None):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _one(self, key: Key) -> None:
        result = Result()
        try:
            result = await self.acting.look(*key)
        except Exception:  # the others are looked after all the same
            log.exception("%s/%s was not looked after", *key)
            result = Result(once_more=30.0)
        finally:
            del self._busy[key]
            self._wake.set()
        if result.once_more:
            self._look_at(key, result.once_more)
