"""Watches of what syncs have applied: one a kind and namespace scope, of metadata alone, and only of labelled objects.

Each says how fresh it is. A watch that broke, or from which nothing was heard for longer than bookmarks take, vouches for
nothing until it has been heard once more: then a sync asks the API server instead.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.follow import News, follow
from sluice.errors import ForbiddenError, SluiceError
from sluice.manifests.flux.kustomization import GROUP
from sluice.recent import Recent
from sluice.sync.drift.seen import Seen, seen

Object = dict[str, Any]
Key = tuple[str, str]
FRESH = 100.0
"""Seconds since the last sign of a watch for which it is believed: the server sends a bookmark about every minute."""
DENIED_PAUSE = 300.0
"""Seconds until a watch that there was no right to is tried once more."""
GONE = 1000
"""Deleted objects of a kind whose last version is remembered, so that an answer that comes late does not bring them back."""
MANAGER = "sluice"
APPLIED = f"{GROUP}/name"
"""The label, whatever its value, that each object has which a Kustomization has applied."""
Heard = Callable[[Kind, Key, Seen | None, Seen | None], object]
"""Called with an object's kind, namespace and name, what it was and what it is; None where it was not or is not there."""


@dataclass(slots=True)
class Watched:
    """All applied objects of one kind in one scope, by the last news of them.

    Attributes:
        objects: by namespace and name.
        since: when a sign of the watch was heard last, on the loop's clock; None while it is broken, or not begun.
        denied: set where there is no right to it.
        trouble: what it met last.
    """

    heard: Callable[[Key, Seen | None, Seen | None], object]
    objects: dict[Key, Seen] = field(default_factory=dict)
    since: float | None = None
    listed: asyncio.Event = field(default_factory=asyncio.Event)
    denied: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: str = ""
    _gone: Recent[Key, int] = field(default_factory=lambda: Recent(GONE))

    def take(self, news: News) -> None:
        """Add what the watch brought."""
        if news.whole:
            there = {_key(item) for item in news.objects}
            self._gone.clear()
            # What a write of ours brought after the list was made is newer than the list.
            for key in [k for k, one in self.objects.items() if k not in there and one.version <= news.version]:
                self._forget(key, news.version)
        for item in news.objects:
            if news.gone:
                self._forget(_key(item), int(item["metadata"]["resourceVersion"]))
            else:
                self.learn(_key(item), seen(item, MANAGER))
        if news.whole:
            self.listed.set()

    def learn(self, key: Key, now: Seen) -> None:
        """Remember an object as it was watched or written, unless something newer is known."""
        before = self.objects.get(key)
        if now.version <= max(before.version if before else 0, self._gone.get(key, 0)):
            return
        self.objects[key] = now
        self.heard(key, before, now)

    def alive(self) -> None:
        """A sign that nothing is missed."""
        self.since, self.trouble = asyncio.get_running_loop().time(), ""

    def broken(self, error: SluiceError) -> None:
        """It has to be begun again; until then nobody may believe it."""
        self.since, self.trouble = None, str(error)
        if isinstance(error, ForbiddenError):
            self.denied.set()

    def _forget(self, key: Key, version: int) -> None:
        self._gone[key] = version
        before = self.objects.pop(key, None)
        if before is not None:
            self.heard(key, before, None)


@dataclass(slots=True)
class Watches:
    """The watches of one process.

    Attributes:
        cluster: where to watch.
        namespaces: a watch for each of them; empty for one watch over all.
        hearing: what is called at each change.
    """

    cluster: Cluster
    namespaces: tuple[str, ...] = ()
    hearing: list[Heard] = field(default_factory=list)
    _watched: dict[tuple[Kind, str | None], Watched] = field(default_factory=dict)
    _tasks: dict[Kind, list[asyncio.Task[None]]] = field(default_factory=dict)

    def only(self, kinds: set[Kind]) -> None:
        """Watch these kinds and no others."""
        for kind in self._tasks.keys() - kinds:
            for task in self._tasks.pop(kind):
                task.cancel()
            for scope in self._scopes(kind):
                self._watched.pop((kind, scope), None)
        for kind in kinds - self._tasks.keys():
            self._tasks[kind] = [asyncio.create_task(self._follow(kind, scope)) for scope in self._scopes(kind)]

    def fresh(self, kind: Kind, namespace: str) -> Watched | None:
        """The watch that has this object, where it can be believed now; else None."""
        watched = self._watched.get((kind, self._scope(kind, namespace)))
        if watched is None or watched.since is None or not watched.listed.is_set():
            return None
        return watched if asyncio.get_running_loop().time() - watched.since <= FRESH else None

    def fresh_of(self, group: str, kind: str, namespace: str) -> Watched | None:
        """As `fresh`, of a kind by its name."""
        for one in self._tasks:
            if one.kind == kind and one.api_version.rpartition("/")[0] == group:
                return self.fresh(one, namespace)
        return None

    def learn(self, kind: Kind, item: Object) -> None:
        """Remember an object as a write was answered: the watch may bring it later."""
        key = _key(item)
        watched = self._watched.get((kind, self._scope(kind, key[0])))
        if watched is not None:
            watched.learn(key, seen(item, MANAGER))

    def troubles(self) -> dict[str, str]:
        """What keeps a watch from being heard, by the kind."""
        return {str(kind.kind): one.trouble for (kind, _), one in self._watched.items() if one.trouble}

    async def close(self) -> None:
        """End all watches."""
        tasks = [task for tasks in self._tasks.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()

    def _scopes(self, kind: Kind) -> tuple[str | None, ...]:
        return self.namespaces if self.namespaces and kind.namespaced else (None,)

    def _scope(self, kind: Kind, namespace: str) -> str | None:
        return namespace if self.namespaces and kind.namespaced else None

    async def _follow(self, kind: Kind, scope: str | None) -> None:
        def heard(key: Key, before: Seen | None, now: Seen | None) -> None:
            for hear in self.hearing:
                hear(kind, key, before, now)

        watched = self._watched[(kind, scope)] = Watched(heard)
        where = self.cluster.of_metadata()
        while True:
            following = asyncio.create_task(
                follow(where, kind, watched.take, scope, APPLIED, watched.broken, watched.alive)
            )
            try:
                await watched.denied.wait()
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
            watched.denied.clear()
            await asyncio.sleep(DENIED_PAUSE * random.uniform(0.8, 1.2))


def _key(item: Object) -> Key:
    meta = item["metadata"]
    return meta.get("namespace", ""), meta["name"]
