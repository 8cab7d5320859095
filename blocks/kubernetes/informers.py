"""Informers: what is in the cluster now, known from one watch per kind and namespace scope.

A rollout waits for most of its life. Hundreds of them share these watches: looking costs no request, and waiting ends
within milliseconds of a change. The name and the idea are client-go's (k8s.io/client-go/tools/cache).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.follow import follow
from blocks.kubernetes.informer import Followed, Informer
from blocks.kubernetes.kinds import AUDIT_RECORD, ENDPOINT_SLICE, LEASE
from sluice.errors import TransientError
from sluice.manifests.own.audit_record import ASKS
from sluice.rollout.objects import MANAGED_BY

Object = dict[str, Any]
Objects = list[Object]
Notice = tuple[asyncio.Event, Callable[[Object], bool]]
SYNC_WITHIN = 15.0
"""Seconds that the first list of a kind may take before a reader gets an error that the cluster does not answer."""
FRESH = 100.0
"""Seconds since the last sign of a watch for which it is believed: the server sends a bookmark about every minute."""
OURS = ",".join(f"{name}={value}" for name, value in MANAGED_BY.items())
SELECTORS = {LEASE: OURS, ENDPOINT_SLICE: OURS, AUDIT_RECORD: f"{ASKS}=true"}
"""Kinds that a cluster is full of, of which only some are wanted: sluice's own (EndpointSlices carry their Service's
labels), and records by which somebody asks for something."""


@dataclass(slots=True)
class Informers:
    """The informers of one cluster, each begun when it is first asked.

    Attributes:
        cluster: where to watch.
        namespaces: the namespaces to watch, one watch a kind and namespace; empty for all with one watch a kind.
        hearing: what is called with the kind and the object at each change; one that is gone as it was, and with True.
        writing: what is called before that with each object that this process has written under a lease.
    """

    cluster: Cluster
    namespaces: tuple[str, ...] = ()
    hearing: list[Callable[[Kind, Object, bool], object]] = field(default_factory=list)
    writing: list[Callable[[Kind, Object], object]] = field(default_factory=list)
    _informers: dict[tuple[Kind, str | None], Informer] = field(default_factory=dict)
    _listeners: list[asyncio.Task[None]] = field(default_factory=list)
    _notices: defaultdict[Kind, set[Notice]] = field(default_factory=lambda: defaultdict(set))
    _listing: dict[Kind, asyncio.Task[Objects]] = field(default_factory=dict)
    """The list of each kind that is under way."""
    _next: dict[Kind, asyncio.Task[Objects]] = field(default_factory=dict)
    """The list of each kind that has not begun."""

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

    async def list(self, kind: Kind, namespace: str | None = None, *, within: float = SYNC_WITHIN) -> list[Object]:
        """All objects of a kind, in one namespace or in all that are watched.

        Raises:
            TransientError: the kind has not been listed within so many seconds, or, where these are fewer than usual, it is
                known already that it cannot be.
        """
        if namespace is not None:
            informer = await self._informer(kind, namespace, within)
            return [item for (its, _), item in informer.objects.items() if its == namespace]
        watched = [await self._informer(kind, one, within) for one in self.namespaces or ("",)]
        return [item for informer in watched for item in informer.objects.values()]

    async def given(self, kind: Kind) -> Objects:
        """All objects of a kind that this installation acts on, without a request where the watches of it are alive.

        Alive is not up to the moment: what somebody has just made or changed may not be here yet. It is for those who act on
        that when its news come. Where a watch broke, was silent or has not begun, the API server is asked. Not to be
        changed: it is shared.
        """
        scopes: tuple[str | None, ...] = self.namespaces or (None,)
        watched = [self._begun(kind, scope) for scope in scopes]
        now = asyncio.get_running_loop().time()
        if not all(one.synced.is_set() and now - one.heard <= FRESH for one in watched):
            return await self.cluster.list(kind)
        return self.cluster.given(kind, [item for one in watched for item in one.objects.values()])

    async def listed(self, kind: Kind) -> Objects:
        """All objects of a kind that this installation acts on, by the API server's word of now. Not to be changed: it is
        shared by those who ask at the same time, and begins after each of them has asked.
        """
        if kind not in self._next:
            self._next[kind] = asyncio.create_task(self._list_after(kind, self._listing.get(kind)))
        return await asyncio.shield(self._next[kind])

    async def _list_after(self, kind: Kind, before: asyncio.Task[Objects] | None) -> Objects:
        if before is not None:
            await asyncio.wait({before})
        self._listing[kind] = self._next.pop(kind)
        try:
            return await self.cluster.list(kind)
        finally:
            del self._listing[kind]  # thousands of objects, which nobody asks for again

    def learn(self, kind: Kind, item: Object) -> None:
        """Remember an object as it was read or written elsewhere, so that nobody decides on what was before."""
        informer = self._informers.get((kind, self._scope(item["metadata"].get("namespace", ""))))
        if informer is not None:
            informer.learn(item)

    def wrote(self, kind: Kind, item: Object) -> None:
        """Remember an object as this process has just written it, on top of what it knew of it."""
        for note in self.writing:
            note(kind, item)
        self.learn(kind, item)

    @asynccontextmanager
    async def following(self, kind: Kind, name: str, namespace: str) -> AsyncIterator[Followed]:
        """Follow an object for the duration of the block; its present state is known from the start.

        Raises:
            TransientError: the kind has not been listed yet. Later absences only delay the news.
        """
        informer = await self._informer(kind, namespace)
        async with informer.following((namespace, name), partial(self.fresh, kind, name, namespace)) as followed:
            yield followed

    @contextmanager
    def noticing(self, wanted: Mapping[Kind, Callable[[Object], bool]]) -> Iterator[asyncio.Event]:
        """An event that is set at each change of an object that is wanted, for the duration of the block.

        Args:
            wanted: by kind, which objects: a thousand who wait for few kinds cost nothing at changes of all others.
        """
        noticed = asyncio.Event()
        notices = [(kind, (noticed, wants)) for kind, wants in wanted.items()]
        for kind, notice in notices:
            self._notices[kind].add(notice)
        try:
            yield noticed
        finally:
            for kind, notice in notices:
                self._notices[kind].discard(notice)

    async def close(self) -> None:
        """End all watches."""
        for listener in self._listeners:
            listener.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)

    def _scope(self, namespace: str) -> str | None:
        return namespace if self.namespaces else None

    async def _informer(self, kind: Kind, namespace: str, within: float = SYNC_WITHIN) -> Informer:
        informer = self._begun(kind, self._scope(namespace))
        if not informer.synced.is_set():
            known = informer.trouble and within < SYNC_WITHIN
            try:
                async with asyncio.timeout(0 if known else within):
                    await informer.synced.wait()
            except TimeoutError:
                why = f": {informer.trouble}" if informer.trouble else ""
                message = f"the cluster has not listed its {kind.plural} within {within:g} s{why}"
                raise TransientError(message) from None
        return informer

    def _begun(self, kind: Kind, scope: str | None) -> Informer:
        informer = self._informers.get((kind, scope))
        if informer is None:
            informer = self._informers[(kind, scope)] = Informer(changed=partial(self._heard, kind))
            self._listeners.append(asyncio.create_task(self._listen(informer, kind, scope)))
        return informer

    def _heard(self, kind: Kind, item: Object, gone: bool) -> None:
        for hear in self.hearing:
            hear(kind, item, gone)
        for noticed, wants in self._notices.get(kind, ()):
            if wants(item):
                noticed.set()

    async def _listen(self, informer: Informer, kind: Kind, scope: str | None) -> None:
        await follow(self.cluster, kind, informer.update, scope, SELECTORS.get(kind), informer.broken, informer.alive)


@asynccontextmanager
async def informed(cluster: Cluster, namespaces: tuple[str, ...] = ()) -> AsyncIterator[Informers]:
    """Informers for the duration of the block."""
    informers = Informers(cluster, namespaces)
    try:
        yield informers
    finally:
        await informers.close()
