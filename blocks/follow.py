"""Follow objects: know their newest state without asking for it, and wait for a condition on one.

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
from sluice.errors import ConflictError, NotFoundError, TransientError

Object = dict[str, Any]
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds before a broken watch is begun again."""


@dataclass(frozen=True, slots=True)
class News:
    """What is there now: all objects after a list (`whole`), else the one that changed, or that is gone."""

    objects: list[Object]
    whole: bool = False
    gone: bool = False


async def news(
    cluster: Cluster, kind: Kind, namespace: str | None = None, name: str | None = None, version: str = ""
) -> AsyncIterator[News]:
    """Follow a collection for ever: a list first (unless `version` says where to go on), then each change.

    A watch that ends or breaks is resumed from the last version seen; where that is too old, a list closes the gap. The
    cluster may be away for as long as it likes.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            if not version:
                objects, version = await cluster.list_from(kind, namespace, name=name)
                yield News(objects, whole=True)
            async for change in cluster.watch(kind, version, namespace, name=name):
                version = change.object["metadata"]["resourceVersion"]
                pause = FIRST_PAUSE
                if change.type != "BOOKMARK":
                    yield News([change.object], gone=change.type == "DELETED")
        except ConflictError:
            version = ""
        except (TransientError, NotFoundError):
            # Not found: the kind is not installed yet.
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, LONGEST_PAUSE)


@dataclass(slots=True)
class Followed:
    """One object that is being followed.

    Attributes:
        object: as it was last seen; None where it does not exist.
    """

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
        """Wait for a change since the last one that was waited for: what comes while nobody waits is not lost."""
        await self._changed.wait()
        self._changed.clear()

    def take(self, told: News) -> None:
        """Take what is new."""
        self.object = None if told.gone or not told.objects else told.objects[0]
        self._changed.set()


@asynccontextmanager
async def following(cluster: Cluster, kind: Kind, name: str, namespace: str) -> AsyncIterator[Followed]:
    """Follow an object for the duration of the block; its present state is known from the start.

    Raises:
        TransientError: the cluster did not tell the present state. Later absences only delay the news.
    """
    objects, version = await cluster.list_from(kind, namespace, name=name)
    followed = Followed(objects[0] if objects else None)

    async def listen() -> None:
        async for told in news(cluster, kind, namespace, name, version):
            followed.take(told)

    listener = asyncio.create_task(listen())
    try:
        yield followed
    finally:
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener
