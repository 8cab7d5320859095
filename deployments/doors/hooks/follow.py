"""Follows Receivers and the Secrets that they name: which doors there are, and what their status says.

A Secret is read when its Receiver is new or changed, at the Receiver's interval, and at a delivery: a token that was
taken away opens nothing a few seconds later. No right to list Secrets is needed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from blocks.kubernetes.cluster import Cluster, Object
from blocks.kubernetes.follow import News, follow
from blocks.kubernetes.kinds import RECEIVER, SECRET
from sluice.errors import ForbiddenError, InvalidError, NotFoundError, SluiceError
from sluice.events.receivers.hook import NO_TOKEN, Closed, Hook, opened, status_of
from sluice.manifests.flux.receiver import REQUESTED_AT, Receiver

Key = tuple[str, str]
FRESH = 5.0
"""Seconds for which a Secret that was read is trusted when somebody calls."""
AGAIN = 5.0
"""Seconds after which a Receiver that could not be looked at is tried again."""
log = logging.getLogger("sluice.receiver")


@dataclass(slots=True)
class Door:
    """What is known of one Receiver: its manifest, its door, when its Secret was read, and when it is due.

    Attributes:
        item: the object as it came, which says whether Flux's own controller serves it.
    """

    receiver: Receiver
    item: Object
    door: Hook | Closed | None = None
    read_at: float = 0.0
    due: float = 0.0


@dataclass(slots=True)
class Hooks:
    """The doors that are open, by their address."""

    cluster: Cluster
    clock: Callable[[], float] = time.monotonic
    known: dict[Key, Door] = field(default_factory=dict)
    open: dict[str, Key] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            for namespace in self.cluster.namespaces or (None,):
                group.create_task(follow(self.cluster, RECEIVER, self._taker(namespace), namespace))
            group.create_task(self._tend())

    async def at(self, digest: str) -> Hook | None:
        """The door at an address, by what its Secret says now; None where there is none.

        Raises:
            TransientError: the API server does not say.
        """
        key = self.open.get(digest)
        if key is None:
            return None
        one = self.known[key]
        if self.clock() - one.read_at > FRESH:
            await self.look(key)
        now = self.known.get(key)
        found = now.door if now else None
        return found if isinstance(found, Hook) and found.digest == digest else None

    async def look(self, key: Key) -> None:
        """Read what opens a Receiver's door, and say in its status where it is.

        Raises:
            TransientError: the API server does not answer.
        """
        one = self.known[key]
        if not self.cluster.acts_on(RECEIVER, one.item):
            one.due = self.clock() + one.receiver.spec.interval  # it may be ours by then
            one.door = None
            self._open(key, None)
            return
        door = await self._door(one.receiver)
        if self.known.get(key) is not one:
            return  # it changed meanwhile, and is due
        one.door, one.read_at = door, self.clock()
        one.due = one.read_at + one.receiver.spec.interval * random.uniform(0.95, 1.0)
        self._open(key, door)
        body = status_of(one.receiver, door, datetime.now(UTC))
        if body and not one.receiver.spec.suspend:
            try:
                written = await self.cluster.patch(RECEIVER, key[1], key[0], body, subresource="status")
                one.receiver, one.item = Receiver.parse(written), written
            except NotFoundError:
                return
            except ForbiddenError as error:
                log.warning("%s: its status cannot be written: %s", one.receiver, error)

    async def _door(self, receiver: Receiver) -> Hook | Closed:
        named = receiver.spec.secret_ref
        try:
            secret = await self.cluster.find(SECRET, named.name, receiver.namespace) if named else None
        except ForbiddenError:
            why = f"unable to read token from secret '{receiver.namespace}/{named.name if named else ''}'"
            return Closed(NO_TOKEN, f"{why}: give the ServiceAccount sluice-receiver the right to get it")
        return opened(receiver, secret)

    def _open(self, key: Key, door: Hook | Closed | None) -> None:
        self.open = {digest: of for digest, of in self.open.items() if of != key}
        if isinstance(door, Hook):
            self.open[door.digest] = key

    def _taker(self, namespace: str | None) -> Callable[[News], None]:
        def take(change: News) -> None:
            if change.whole:
                there = {_key(one) for one in change.objects}
                for key in [key for key in self.known if namespace in {None, key[0]} and key not in there]:
                    self._forget(key)
            for item in change.objects:
                if change.gone:
                    self._forget(_key(item))
                else:
                    self._update(item)
            self._news.set()

        return take

    def _update(self, item: Object) -> None:
        key = _key(item)
        try:
            receiver = Receiver.parse(item)
        except InvalidError as error:
            log.error("%s", error)
            self._forget(key)
            return
        old = self.known.get(key)
        if old and _asks(old.receiver) == _asks(receiver):
            # Its own status, or something that does not matter: what was read of its Secret holds.
            given = self.cluster.acts_on(RECEIVER, item)
            if given != self.cluster.acts_on(RECEIVER, old.item):
                old.due = self.clock()
            old.receiver, old.item = receiver, item
            return
        self.known[key] = Door(receiver, item, old.door if old else None, due=self.clock())

    def _forget(self, key: Key) -> None:
        self.known.pop(key, None)
        self._open(key, None)

    async def _tend(self) -> None:
        while True:
            self._news.clear()
            for key in [key for key, one in self.known.items() if one.due <= self.clock()]:
                try:
                    await self.look(key)
                except (SluiceError, KeyError) as error:
                    log.warning("Receiver %s/%s cannot be looked at: %s", *key, error)
                    if one := self.known.get(key):
                        one.due = self.clock() + AGAIN
            soonest = min((one.due for one in self.known.values()), default=self.clock() + 60)
            try:
                async with asyncio.timeout(max(0.05, min(60.0, soonest - self.clock()))):
                    await self._news.wait()
            except TimeoutError:
                continue


def _key(item: Object) -> Key:
    return (item["metadata"]["namespace"], item["metadata"]["name"])


def _asks(receiver: Receiver) -> tuple[str, int, str]:
    """What makes a Receiver one that has to be looked at: another object, another manifest, or a person's request."""
    meta = receiver.metadata
    return (meta.uid, meta.generation, meta.annotations.get(REQUESTED_AT, ""))
