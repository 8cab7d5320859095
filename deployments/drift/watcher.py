"""The watcher of drift: hears of each change of what a Kustomization applied, and has it looked at.

A supervised task of the worker, on watches of metadata that its syncs rest on as well; a kind is watched while an inventory
has it. At rest it costs nothing. What changed while nobody watched is found at the Kustomization's interval.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from blocks.applied.ledger import Place
from blocks.applied.watches import Watches
from blocks.connections import Connections
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import KUSTOMIZATION
from deployments.drift.acting import Acting
from deployments.drift.inventories import Inventories, Key
from sluice.errors import SluiceError
from sluice.sync.drift.seen import Seen, by_another, ours_changed

Object = dict[str, Any]
log = logging.getLogger("sluice.drift")
TOGETHER = 0.1
"""Seconds for changes that belong together to be seen as one, and for the answer to a write of our own to be known."""
AT_ONCE = 4
"""Most Kustomizations that are looked at at one time: each may be rendered."""
KINDS_EVERY = 30.0
"""Seconds after which kinds that the cluster did not serve, or did not answer for, are asked for once more."""


@dataclass(slots=True)
class DriftWatcher:
    """What may have changed, and when that is checked.

    Attributes:
        acts: whether it looks, reports and puts back; of several workers one does, and the others know what it is about.
    """

    wired: Connections
    watches: Watches
    acting: Acting
    acts: bool = True
    inventories: Inventories = field(default_factory=Inventories)
    _changed: defaultdict[Key, set[Place]] = field(default_factory=lambda: defaultdict(set))
    _due: dict[Key, float] = field(default_factory=dict)
    _busy: dict[Key, asyncio.Task[None]] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _new_kinds: bool = True
    _kinds_at: float = 0.0

    @classmethod
    def of(cls, wired: Connections, acts: bool = True) -> DriftWatcher:
        """For the Kustomizations that a process is connected to."""
        watches = wired.applied.watches
        if watches is None:
            raise ValueError("nobody watches what this process applies")
        return cls(wired, watches, Acting(wired), acts)

    async def act(self) -> None:
        """Act on what changed, until cancelled: also on what nobody has acted on when this begins."""
        self.acts = True
        self._wake.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.acts = False

    async def keep(self) -> None:
        """Keep until cancelled."""
        informers = self.wired.informers
        informers.hearing.append(self.hear_owner)
        self.watches.hearing.append(self.hear)
        try:
            for item in await informers.list(KUSTOMIZATION):
                self.hear_owner(KUSTOMIZATION, item, False)
            while True:
                await self._turn()
        finally:
            informers.hearing.remove(self.hear_owner)
            self.watches.hearing.remove(self.hear)
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def hear_owner(self, kind: Kind, item: Object, gone: bool) -> None:
        """A Kustomization is new, or has changed: its inventory says what is watched."""
        if kind != KUSTOMIZATION:
            return
        key = (item["metadata"]["namespace"], item["metadata"]["name"])
        before = self.inventories.held.get(key)
        if gone:
            self.inventories.forget(key)
            self.wired.applied.ledgers.forget(owner_of(key))
            self.acting.forget(key)
            self._changed.pop(key, None)
        else:
            self.inventories.learn(item)
        now = self.inventories.held.get(key)
        if (now.kinds if now else frozenset()) != (before.kinds if before else frozenset()):
            self._new_kinds = True
            self._wake.set()
        if self._changed.get(key):
            self._look_at(key, TOGETHER)  # a sync has come to its end: is it still as it was seen?

    def hear(self, kind: Kind, key: tuple[str, str], before: Seen | None, now: Seen | None) -> None:
        """An object changed: whether what was applied of it did, its metadata says."""
        place = (kind.api_version.rpartition("/")[0], kind.kind, *key)
        owner = self.inventories.owner(place)
        if owner is None:
            return
        ledger = self.wired.applied.ledgers.known(owner_of(owner), self.inventories.held[owner].version)
        known = ledger.known.get(place) if ledger else None
        if known is not None:
            drifted = ours_changed(known.seen, now)
        else:
            drifted = now is None or (before is not None and by_another(before, now))
        if drifted:
            self._changed[owner].add(place)
            self._look_at(owner, TOGETHER)

    def _look_at(self, key: Key, after: float) -> None:
        at = asyncio.get_running_loop().time() + after
        self._due[key] = min(at, self._due.get(key, at))
        self._wake.set()

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._new_kinds or now >= self._kinds_at:
            await self._watch_kinds(now)
        for key in [key for key, at in self._due.items() if at <= now and key not in self._busy]:
            if self._has_room():
                del self._due[key]
                self._busy[key] = asyncio.create_task(self._one(key))
        waiting = [at for key, at in self._due.items() if key not in self._busy] if self._has_room() else []
        self._wake.clear()
        try:
            async with asyncio.timeout(max(min([*waiting, self._kinds_at]) - now, 0.0)):
                await self._wake.wait()
        except TimeoutError:
            return

    def _has_room(self) -> bool:
        return self.acts and len(self._busy) < AT_ONCE

    async def _watch_kinds(self, now: float) -> None:
        """Watch the kinds of all inventories that the cluster serves."""
        self._new_kinds, kinds, missing = False, set[Kind](), False
        for api_version, name in self.inventories.kinds:
            try:
                kinds.add(await self.wired.cluster.resource_for(api_version, name))
            except SluiceError:
                missing = True
        self.watches.only(kinds)
        self._kinds_at = now + (KINDS_EVERY if missing else 10 * KINDS_EVERY)

    async def _one(self, key: Key) -> None:
        places, once_more = self._changed.pop(key, set()), 0.0
        try:
            result = await self.acting.look(key, places)
            once_more = result.once_more
            self._changed[key] |= result.places
        except Exception:  # the others are looked after all the same
            log.exception("what changed of Kustomization %s/%s was not looked at", *key)
            self._changed[key] |= places
            once_more = KINDS_EVERY
        finally:
            if not self._changed.get(key):
                self._changed.pop(key, None)
            del self._busy[key]
            self._wake.set()
        if once_more and key in self._changed:
            self._look_at(key, once_more)


def owner_of(key: Key) -> tuple[str, str, str]:
    """The owner of a ledger."""
    return (KUSTOMIZATION.kind, *key)
