"""The observer: watches the cluster and reads what users got, with connections of its own that meet no fault.

It shares no code with sluice: what both had wrong would be right to both.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from lab.api.client import Api, Refused
from lab.faults.judged.facts import OBSERVED
from lab.faults.judged.history import History, Moment

AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """What one user's request got."""

    at: float
    status: int
    version: str
    error: str

    @property
    def failed(self) -> bool:
        return bool(self.error) or self.status >= 500


class Users:
    """The users of one application, by the load generator's file, which is read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def news(self) -> list[Answer]:
        """What users got since the last call. A line that is not finished waits."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return [_answer(line) for line in whole.splitlines()]


def _answer(line: bytes) -> Answer:
    one = json.loads(line)
    return Answer(one["t"] + one["ms"] / 1000, one["status"], one["version"], one["error"])


class Observer:
    """Keeps the history of one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.history = History()
        self._api, self._namespace = api, namespace
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch every kind for the duration of the block."""
        tasks = [asyncio.create_task(self._watch(plural)) for plural in OBSERVED]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def change(self, within: float) -> None:
        """Return when anything has changed, or after `within` seconds."""
        self._changed.clear()
        try:
            async with asyncio.timeout(within):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _watch(self, plural: str) -> None:
        version, first = "", True
        while True:
            try:
                if not version:
                    version = await self._list(plural)
                    if not first:
                        self.history.gaps.append(time.time())
                    first = False
                async for kind, item in self._api.watch(OBSERVED[plural].path(self._namespace), version):
                    version = item["metadata"]["resourceVersion"]
                    if kind != "BOOKMARK":
                        self._take(plural, item, gone=kind == "DELETED")
            except Refused as refused:
                version = "" if refused.status == 410 else version
                await asyncio.sleep(AGAIN_S)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                await asyncio.sleep(AGAIN_S)

    async def _list(self, plural: str) -> str:
        found = await self._api.get(OBSERVED[plural].path(self._namespace))
        for item in found["items"]:
            self._take(plural, item, gone=False)
        return str(found["metadata"]["resourceVersion"])

    def _take(self, plural: str, item: dict[str, object], *, gone: bool) -> None:
        meta = item["metadata"]
        assert isinstance(meta, dict)  # noqa: S101
        facts = {} if gone else OBSERVED[plural].reads(item)
        self.history.add(Moment(int(meta["resourceVersion"]), time.time(), plural, meta["name"], facts))
        self._changed.set()
