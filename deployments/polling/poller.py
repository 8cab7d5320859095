"""The poller: has each ImageRepository looked at when its interval is over, when it changes, and when somebody asks for it.

A supervised task of the worker, on the watches that it shares: what there is to look at costs the API server nothing. A
registry is asked a few questions at a time, in the order in which they came due, so that a thousand repositories of one
registry are all looked at, and one that is slow or asks for time holds up no other.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from blocks.connections import Connections
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import IMAGE_POLICY, IMAGE_REPOSITORY
from deployments.polling.sooner import Sooner, host_of
from sluice.errors import InvalidError, SluiceError, TransientError
from sluice.events.model import Event
from sluice.images.quarantine import kept_out
from sluice.manifests.flux.image_policy import ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from sluice.manifests.references import SourceKey
from tasks.images.poll import NOTHING, Remembered, poll
from tasks.images.unpolled import say_unpolled

Object = dict[str, Any]
Key = tuple[str, str]
AT_ONCE = 4
"""Questions to one registry at the same time."""
TOGETHER = 0.05
"""Seconds for changes that belong together, such as those of one `kubectl apply`, to be one look."""
LACKING = 130.0
"""Seconds before a policy says that its repository is not polled, and between two such looks."""
SOON, LATER = 5.0, 300.0
"""Seconds before a look that came to nothing is made again: twice as long each time."""
log = logging.getLogger("sluice.images")


@dataclass(slots=True)
class Repository:
    """What is known of one ImageRepository.

    Attributes:
        manifest: None while only policies of it are known.
        policies: that choose from it.
        remembered: of the last look.
        failures: looks in a row that came to nothing.
        at: when the next look is due; an entry of the queue with another time is an old one.
        once_more: whether something changed while a look is under way.
    """

    manifest: ImageRepository | None = None
    policies: dict[Key, ImagePolicy] = field(default_factory=dict)
    remembered: Remembered = NOTHING
    failures: int = 0
    at: float = 0.0
    once_more: bool = False


@dataclass(slots=True)
class Poller:
    """What has to be looked at, and when; `sooner` says what is asked before its interval is over."""

    wired: Connections
    sooner: Sooner = field(default_factory=Sooner)
    clock: Callable[[], float] = lambda: asyncio.get_running_loop().time()
    known: defaultdict[Key, Repository] = field(default_factory=lambda: defaultdict(Repository))
    chooses_from: dict[Key, Key] = field(default_factory=dict)
    _queue: list[tuple[float, Key]] = field(default_factory=list)
    _busy: dict[Key, asyncio.Task[None]] = field(default_factory=dict)
    _turns: defaultdict[str, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
    )
    _quiet: dict[str, float] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(self) -> None:
        """Poll until cancelled: each repository once, then as its interval says."""
        informers = self.wired.informers
        informers.hearing.append(self.hear)
        try:
            # Policies first: a repository is looked at once, for all of them.
            for item in await informers.list(IMAGE_POLICY):
                self._hear_policy(item, False)
            for item in await informers.list(IMAGE_REPOSITORY):
                self._hear_repository(item, False)
            while True:
                await self._turn()
        finally:
            informers.hearing.remove(self.hear)
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def hear(self, kind: Kind, item: Object, gone: bool) -> None:
        """Note a change; a new generation or a request calls for a look now."""
        if kind == IMAGE_REPOSITORY:
            self._hear_repository(item, gone)
        elif kind == IMAGE_POLICY:
            self._hear_policy(item, gone)

    def _hear_repository(self, item: Object, gone: bool) -> None:
        key = _key(item)
        entry, new = self.known[key], None
        if not gone:
            with suppress(InvalidError):
                new = ImageRepository.parse(item)
        old, entry.manifest = entry.manifest, new
        if new is None:
            entry.remembered = NOTHING
            if entry.policies:
                self._due(key, LACKING)
            else:
                del self.known[key]
        elif old is None or new.requested or _spec(old) != _spec(new):
            self._due(key, TOGETHER)

    def _hear_policy(self, item: Object, gone: bool) -> None:
        key, new = _key(item), None
        if not gone:
            with suppress(InvalidError):
                new = ImagePolicy.parse(item)
        before = self.chooses_from.pop(key, None)
        old = self.known[before].policies.pop(key, None) if before else None
        if new is None:
            return
        self.chooses_from[key] = new.repository
        entry = self.known[new.repository]
        entry.policies[key] = new
        changed = old is None or new.requested or _spec(old) != _spec(new) or kept_out(old) != kept_out(new)
        if changed:
            self._due(new.repository, TOGETHER if entry.manifest else LACKING)

    def _due(self, key: Key, after: float) -> None:
        entry, at = self.known[key], self.clock() + after
        entry.at = at
        heapq.heappush(self._queue, (at, key))
        self._wake.set()

    async def _turn(self) -> None:
        now = self.clock()
        while self._queue and self._queue[0][0] <= now:
            at, key = heapq.heappop(self._queue)
            entry = self.known.get(key)
            if entry is None or entry.at != at:
                continue
            if key in self._busy:
                entry.once_more = True  # the look that is under way may have begun before the change
                continue
            self._busy[key] = asyncio.create_task(self._one(key, entry))
        self._wake.clear()
        wait = self._queue[0][0] - self.clock() if self._queue else None
        with suppress(TimeoutError):
            async with asyncio.timeout(None if wait is None else max(wait, 0.0)):
                await self._wake.wait()

    async def _one(self, key: Key, entry: Repository) -> None:
        again: float | None = None
        try:
            again = await self._look(entry) if entry.manifest else await self._lacking(key, entry)
        except Exception:  # the others are looked at all the same
            log.exception("ImageRepository %s/%s was not looked at", *key)
            again = self._later(entry)
        finally:
            del self._busy[key]
            again, entry.once_more = TOGETHER if entry.once_more else again, False
            if again is not None and (entry.manifest or entry.policies):
                self._due(key, again)

    async def _look(self, entry: Repository) -> float | None:
        """Look at a repository; returns the seconds until the next time."""
        manifest = entry.manifest
        if manifest is None or manifest.spec.suspend:
            return None
        if not await self._is_ours(IMAGE_REPOSITORY, manifest):
            await self._lacking((manifest.namespace, manifest.name), entry)
            return manifest.spec.interval  # Flux may be gone by then
        host = host_of(manifest)
        async with self._turns[host]:
            if (quiet := self._quiet.get(host, 0.0) - self.clock()) > 0:
                return quiet + random.uniform(0.0, 1.0)
            policies = [
                one
                for one in entry.policies.values()
                if not one.spec.suspend and await self._is_ours(IMAGE_POLICY, one)
            ]
            try:
                found = await poll(manifest, policies, entry.remembered, self.clock())
            except SluiceError as error:
                log.warning("%s was not looked at: %s", manifest, error)
                if isinstance(error, TransientError) and error.retry_after:
                    self._quiet[host] = self.clock() + error.retry_after
                    self.sooner.asked_for_time(host, self.clock())
                    return error.retry_after + random.uniform(0.0, 1.0)
                return self._later(entry)
        if found.events and not await self._posted(manifest, found.events):
            return self._later(entry)
        entry.remembered, entry.failures = found.remember, 0
        others = [one.manifest for one in self.known.values() if one.manifest and not one.manifest.spec.suspend]
        return self.sooner.pause(manifest, found.remember, others, self.clock()) * random.uniform(0.95, 1.05)

    async def _lacking(self, key: Key, entry: Repository) -> float:
        """Have policies say that nobody polls what they choose from; returns the seconds until the next time."""
        ours = [one for one in entry.policies.values() if await self._is_ours(IMAGE_POLICY, one)]
        try:
            await say_unpolled(SourceKey(ImageRepository.kind, *key), ours)
        except SluiceError as error:
            log.warning("why ImageRepository %s/%s is not polled was not said: %s", *key, error)
        return LACKING

    async def _is_ours(self, kind: Kind, one: ImageRepository | ImagePolicy) -> bool:
        """Whether an object is neither gone nor left to Flux by now."""
        item = await self.wired.informers.find(kind, one.name, one.namespace)
        return item is not None and self.wired.cluster.acts_on(kind, item)

    async def _posted(self, manifest: ImageRepository, events: Sequence[Event]) -> bool:
        try:
            await self.wired.prefect.post(events)
        except SluiceError as error:
            log.warning("what was found at %s is not accepted yet: %s", manifest, error)
            return False
        return True

    def _later(self, entry: Repository) -> float:
        entry.failures += 1
        entry.remembered = NOTHING
        interval = entry.manifest.spec.interval if entry.manifest else SOON
        return min(SOON * 2.0 ** min(entry.failures - 1, 10), max(interval, LATER)) * random.uniform(0.75, 1.25)


def _key(item: Object) -> Key:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _spec(one: ImageRepository | ImagePolicy) -> tuple[str, int]:
    return one.metadata.uid, one.metadata.generation
