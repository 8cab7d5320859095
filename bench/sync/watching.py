"""Sees when something in the cluster becomes so: by a watch, with the moment that its news came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from lab.api.client import Api

Object = dict[str, Any]


class Watching:
    """What a watch of one collection brought; each change with its moment, seconds since the epoch."""

    def __init__(self) -> None:
        self.changes: list[tuple[float, str, Object]] = []
        self._more = asyncio.Event()

    async def until(self, holds: Callable[[str, Object], bool], since: float, within_s: float) -> float:
        """The moment of the first change after `since` for which `holds(type, object)`.

        Raises:
            TimeoutError: there was none in time.
        """
        looked = 0
        async with asyncio.timeout(within_s):
            while True:
                for at, type_, item in self.changes[looked:]:
                    if at >= since and holds(type_, item):
                        return at
                looked = len(self.changes)
                self._more.clear()
                await self._more.wait()

    def forget(self) -> None:
        """Let go of what was seen."""
        self.changes.clear()

    async def _follow(self, api: Api, path: str) -> None:
        version = (await api.get(f"{path}?limit=1"))["metadata"]["resourceVersion"]
        while True:
            async for type_, item in api.watch(path, version):
                version = item["metadata"]["resourceVersion"]
                if type_ != "BOOKMARK":
                    self.changes.append((time.time(), type_, item))
                    self._more.set()


@asynccontextmanager
async def watching(api: Api, path: str) -> AsyncIterator[Watching]:
    """Watch a collection for the duration of the block, from now on."""
    seen = Watching()
    following = asyncio.create_task(seen._follow(api, path))
    await asyncio.sleep(0.3)
    try:
        yield seen
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
