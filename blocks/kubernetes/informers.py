"""Informers: what is in the cluster now, known from one watch per kind and namespace scope.

A rollout waits for most of its life. Hundreds of them share these watches: looking costs no request, and waiting ends
within milliseconds of a change. The name and the idea are client-go's (k8s.io/client-go/tools/cache).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.follow import News, follow
from blocks.kubernetes.kinds import ENDPOINT_SLICE, LEASE
from sluice.errors import NotFoundError, SluiceError, TransientError
from sluice.manifests.beside_flux import signs_of_flux
from sluice.recent import Recent
from sluice.rollout.objects import MANAGED_BY

Object = dict[str, Any]
Key = tuple[str, str]
SYNC_WITHIN = 15.0
"""Seconds that the first list of a kind may take before a reader gets an error that the cluster does not answer."""
GONE = 5000
"""Deleted objects of a kind whose last version is remembered, so that a read that comes late does not bring them back."""
OURS = ",".join(f"{name}={value}" for name, value in MANAGED_BY.items())
SELECTORS = {LEASE: OURS, ENDPOINT_SLICE: OURS}
"""Kinds that a cluster is full of, of which only sluice's own are wanted. EndpointSlices carry their Service's labels."""


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
        changed: gets each object that is new or has changed, and one that is gone as it was, with whether it is.
    """

    objects: dict[Key, Object] = field(default_factory=dict)
    synced: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: str = ""
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


@dataclass(slots=True)
class Informers:
    """The informers of one cluster, each begun when it is first asked.

    Attributes:
        cluster: where to watch.
        namespaces: the namespaces to watch, one watch a kind and namespace; empty for all with one watch a kind.
        hearing: what is called with the kind and the object at each change; one that is gone as it was, and with True.
    """

    cluster: Cluster
    namespaces: tuple[str, ...] = ()
    hearing: list[Callable[[Kind, Object, bool], object]] = field(default_factory=list)
    _informers: dict[tuple[Kind, str | None], Informer] = field(default_factory=dict)
    _listeners: list[asyncio.Task[None]] = field(default_factory=list)

    async def find(self, kind: Kind, name: str, namespace: str) -> Object | None:
        """An object as it was last seen; None where it does not exist. Not to be changed: it is shared.

        Raises:
            TransientError: the kind has not been listed yet.
        """
        return (await self._informer(kind, namespace)).objects.get((namespace, name))

    def known(self, kind: Kind, name: str, namespace: str) -> Object | None:
        """An object as `find` gives it, without waiting: None also where its kind has not been listed yet."""
        informer = self._informers.get((kind, self._scope(namespace)))
        return informer.objects.get((namespace, name)) if informer else None

    async def get(self, kind: Kind, name: str, namespace: str) -> Object:
        """An object as it was last seen, which has to exist.

        Raises:
            NotFoundError: it does not exist, also by the API server's own word.
        """
        known = await self.find(kind, name, namespace)
        # A watch that lags must not make a new object look like a missing one.
        return known if known is not None else await self.fresh(kind, name, namespace)

    async def fresh(self, kind: Kind, name: str, namespace: str) -> Object:
        """The object by the API server's word of now, for what must not rest on a watch that may lag.

        Raises:
            NotFoundError: it does not exist.
        """
        item = await self.cluster.get(kind, name, namespace)
        self.learn(kind, item)
        return item

    async def relist(self, kind: Kind, namespace: str, labels: str) -> None:
        """Learn what the API server has of a kind now: for a time that is over, as `Followed.ask`."""
        for item in await self.cluster.list(kind, namespace, labels):
            self.learn(kind, item)

    async def list(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """All objects of a kind, in one namespace or in all that are watched."""
        if namespace is not None:
            informer = await self._informer(kind, namespace)
            return [item for (its, _), item in informer.objects.items() if its == namespace]
        watched = [await self._informer(kind, one) for one in self.namespaces or ("",)]
        return [item for informer in watched for item in informer.objects.values()]

    def learn(self, kind: Kind, item: Object) -> None:
        """Remember an object as it was read or written elsewhere, so that nobody decides on what was before."""
        informer = self._informers.get((kind, self._scope(item["metadata"].get("namespace", ""))))
        if informer is not None:
            informer.learn(item)

    @asynccontextmanager
    async def following(self, kind: Kind, name: str, namespace: str) -> AsyncIterator[Followed]:
        """Follow an object for the duration of the block; its present state is known from the start.

        Raises:
            TransientError: the kind has not been listed yet. Later absences only delay the news.
        """
        informer = await self._informer(kind, namespace)
        async with informer.following((namespace, name), partial(self.fresh, kind, name, namespace)) as followed:
            yield followed

    async def close(self) -> None:
        """End all watches."""
        for listener in self._listeners:
            listener.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)

    def _scope(self, namespace: str) -> str | None:
        return namespace if self.namespaces else None

    async def _informer(self, kind: Kind, namespace: str) -> Informer:
        scope = self._scope(namespace)
        informer = self._informers.get((kind, scope))
        if informer is None:
            informer = self._informers[(kind, scope)] = Informer(changed=partial(self._heard, kind))
            self._listeners.append(asyncio.create_task(self._listen(informer, kind, scope)))
        if not informer.synced.is_set():
            try:
                async with asyncio.timeout(SYNC_WITHIN):
                    await informer.synced.wait()
            except TimeoutError:
                why = f": {informer.trouble}" if informer.trouble else ""
                message = f"the cluster has not listed its {kind.plural} within {SYNC_WITHIN:g} s{why}"
                raise TransientError(message) from None
        return informer

    def _heard(self, kind: Kind, item: Object, gone: bool) -> None:
        for hear in self.hearing:
            hear(kind, item, gone)

    async def _listen(self, informer: Informer, kind: Kind, scope: str | None) -> None:
        def waiting(error: SluiceError) -> None:
            informer.trouble = str(error)

        await follow(self.cluster, kind, informer.update, scope, SELECTORS.get(kind), waiting)


def _key(item: Object) -> Key:
    meta = item["metadata"]
    return meta.get("namespace", ""), meta["name"]


def _version(item: Object) -> int:
    """Versions of one kind rise with time; comparing them is sound (kubernetes KEP 5504)."""
    return int(item["metadata"]["resourceVersion"])


@asynccontextmanager
async def informed(cluster: Cluster, namespaces: tuple[str, ...] = ()) -> AsyncIterator[Informers]:
    """Informers for the duration of the block."""
    informers = Informers(cluster, namespaces)
    try:
        yield informers
    finally:
        await informers.close()
