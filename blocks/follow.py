"""Follow one object: know its newest state without asking for it, and wait for a condition on it.

A rollout waits for most of its life. Watching instead of polling makes it react within milliseconds and costs the API
server one request instead of one per look.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from blocks.cluster import Cluster, Kind
from sluice.errors import ConflictError, TransientError

Object = dict[str, Any]
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds before a broken watch is begun again."""


@dataclass(slots=True)
class Followed:
    """One object that is being followed.

    Attributes:
        object: as it was last seen; None where it does not exist.
    """

    cluster: Cluster
    kind: Kind
    name: str
    namespace: str
    object: Object | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[Object | None], bool], timeout: float) -> bool:
        """Wait until `condition` holds for the object; False where it did not within `timeout` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not condition(self.object):
                    await self.change()
        return condition(self.object)

    async def change(self) -> None:
        """Wait for the next change."""
        self._changed.clear()
        await self._changed.wait()

    async def read(self) -> str:
        """Take the present state; returns the resourceVersion of the collection to watch from."""
        items, version = await self.cluster.list_from(self.kind, self.namespace, name=self.name)
        self._take(items[0] if items else None)
        return version

    def _take(self, seen: Object | None) -> None:
        self.object = seen
        self._changed.set()

    async def _follow(self, version: str) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async for change in self.cluster.watch(self.kind, version, self.namespace, name=self.name):
                    version = change.object["metadata"]["resourceVersion"]
                    pause = FIRST_PAUSE
                    if change.type != "BOOKMARK":
                        self._take(None if change.type == "DELETED" else change.object)
            except (ConflictError, TransientError):
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(2 * pause, LONGEST_PAUSE)
                with suppress(TransientError):
                    version = await self.read()


@asynccontextmanager
async def following(cluster: Cluster, kind: Kind, name: str, namespace: str) -> AsyncIterator[Followed]:
    """Follow an object for the duration of the block; its present state is known from the start."""
    followed = Followed(cluster, kind, name, namespace)
    version = await followed.read()
    task = asyncio.create_task(followed._follow(version))
    try:
        yield followed
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
