"""One informer: the objects of one kind in one scope as a watch brings them, and those who wait for a change of one."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from blocks.kubernetes.follow import News
from sluice.errors import NotFoundError, SluiceError
from sluice.manifests.beside_flux import signs_of_flux
from sluice.recent import Recent

Object = dict[str, Any]
Key = tuple[str, str]
GONE = 5000
"""Deleted objects of a kind whose last version is remembered, so that a read that comes late does not bring them back."""


@dataclass(slots=True, eq=False)
class Followed:
    """One object that is being followed.

    Attributes:
        object: as it was last seen; None where it does not exist. Not to be changed: it is shared.
        read: reads it from the API server.
    """

    object: Object | None
    read: Callable[[], Awaitable[Object]]
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[Object | None], bool], timeout: float) -> bool:
        """Wait until `condition` holds for the object; False where it did not within `timeout` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not condition(self.object):
                    await self.change()
        return condition(self.object)

    async def ask(self) -> None:
        """See it by the API server's word of now.

        For the moment when a time is over: a watch that lags, or a process that was stopped for a while, must not make what
        has long come look as if it never did.
        """
        try:
            self.update(await self.read())
        except NotFoundError:
            self.update(None)

    async def change(self) -> None:
        """Wait for a change since the last one that was waited for: what comes while nobody waits is not lost."""
        await self._changed.wait()
        self._changed.clear()

    def update(self, item: Object | None) -> None:
        """Keep the newest state."""
        self.object = item
        self._changed.set()


@dataclass(slots=True)
class Informer:
    """All objects of one kind in one scope, by the last news of them.

    Attributes:
        objects: by namespace and name.
        synced: set once they have been listed.
        trouble: what listing or watching them met last.
        heard: when a sign that nothing is missed was heard last, on the loop's clock; minus infinity while there is none.
        changed: gets each object that is new or has changed, and one that is gone as it was, with whether it is.
    """

    objects: dict[Key, Object] = field(default_factory=dict)
    synced: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: str = ""
    heard: float = -math.inf
    changed: Callable[[Object, bool], object] = lambda _item, _gone: None
    _gone: Recent[Key, int] = field(default_factory=lambda: Recent(GONE))
    _followers: defaultdict[Key, set[Followed]] = field(default_factory=lambda: defaultdict(set))

    def update(self, change: News) -> None:
        """Add what the watch brought."""
        if change.whole:
            seen = {_key(item) for item in change.objects}
            # What a write of ours brought after the list was made is newer than the list.
            lost = [k for k, item in self.objects.items() if k not in seen and _version(item) <= change.version]
            self._gone.clear()
            for key in lost:
                self._forget(key, change.version)
        for item in change.objects:
            if change.gone:
                self._forget(_key(item), _version(item))
            else:
                self.learn(item)
        if change.whole:
            self.synced.set()

    def learn(self, item: Object) -> None:
        """Remember an object as it was read or written, unless something newer is known already."""
        key, version = _key(item), _version(item)
        known = self.objects.get(key)
        if version <= max(_version(known) if known else 0, self._gone.get(key, 0)):
            return
        if signs := signs_of_flux(item):
            item["metadata"]["managedFields"] = signs
        else:
            item["metadata"].pop("managedFields", None)  # a third of its size, and nobody here reads the rest
        self.objects[key] = item
        self._notify(key, item)
        self.changed(item, False)

    def alive(self) -> None:
        """A sign that nothing is missed."""
        self.heard = asyncio.get_running_loop().time()

    def broken(self, error: SluiceError) -> None:
        """The watch has to be begun again; until it is heard, nobody may take what is here for what is there now."""
        self.heard, self.trouble = -math.inf, str(error)

    def _forget(self, key: Key, version: int) -> None:
        self._gone[key] = version
        was = self.objects.pop(key, None)
        if was is not None:
            self._notify(key, None)
            self.changed(was, True)

    def _notify(self, key: Key, item: Object | None) -> None:
        for follower in self._followers.get(key, ()):
            follower.update(item)

    @asynccontextmanager
    async def following(self, key: Key, read: Callable[[], Awaitable[Object]]) -> AsyncIterator[Followed]:
        """Follow one object; its present state is known from the start. `read` reads it from the API server."""
        followed = Followed(self.objects.get(key), read)
        self._followers[key].add(followed)
        try:
            yield followed
        finally:
            self._followers[key].discard(followed)
            if not self._followers[key]:
                del self._followers[key]


def _key(item: Object) -> Key:
    meta = item["metadata"]
    return meta.get("namespace", ""), meta["name"]


def _version(item: Object) -> int:
    """Versions of one kind rise with time; comparing them is sound (kubernetes KEP 5504)."""
    return int(item["metadata"]["resourceVersion"])
