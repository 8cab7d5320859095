"""The client: calls, server-side apply, and watches. Use as an async context manager."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

from lab.api.access import Access
from lab.api.paths import Object, collection, path_of
from lab.errors import LabError

CALL_S = 15.0
WATCH_S = 300
POLL_S = 0.05
AT_ONCE = 16
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Refused(LabError):  # noqa: N818 - the server refused; whether that is an error is the caller's to say
    """The API server answered with an error; `status` is HTTP's."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said}")
        self.status = status


class Api:
    """A connection to the API server.

    Every call raises:
        Refused: the server refused.
        aiohttp.ClientError, TimeoutError: it did not answer.
    """

    def __init__(self, access: Access, *, call_s: float = CALL_S, connections: int = 0) -> None:
        """`connections` is how many there may be at once; 0 sets no bound."""
        self._access = access
        self._limit = aiohttp.ClientTimeout(total=call_s)
        self._connections = connections
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._access.tls(), limit=self._connections)
        self._http = aiohttp.ClientSession(self._access.server, connector=connector, headers=self._access.headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise LabError("the API client is used before `async with` has opened it")
        return self._http

    async def text(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> str:
        """One request; the answer's text."""
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content}
        async with self._session.request(
            method, path, data=data, headers=headers, params=params, timeout=self._limit
        ) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise Refused(answer.status, f"{method} {path}: {text[:300]}")
            return text

    async def get(self, path: str) -> Object:
        """One object or list."""
        return dict(json.loads(await self.text("GET", path)))

    async def find(self, path: str) -> Object | None:
        """One object, None where there is none."""
        try:
            return await self.get(path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    async def create(self, manifest: Mapping[str, Any]) -> None:
        """A new object."""
        await self.text("POST", collection(manifest), manifest)

    async def post(self, path: str, body: Object) -> Object:
        """What is asked of a subresource; its answer."""
        return dict(json.loads(await self.text("POST", path, body)))

    async def patch(self, path: str, change: Object, content: str = MERGE, manager: str = "sluice-lab") -> None:
        """A patch, a JSON merge patch unless said otherwise."""
        await self.text("PATCH", path, change, content, {"fieldManager": manager})

    async def apply(self, manifest: Mapping[str, Any], manager: str = "sluice-lab") -> None:
        """Server-side apply."""
        params = {"fieldManager": manager, "force": "true"}
        await self.text("PATCH", path_of(manifest), manifest, APPLY, params)

    async def delete(self, path: str, params: Mapping[str, str] | None = None) -> None:
        """Delete; nothing happens where there is nothing."""
        try:
            await self.text("DELETE", path, {"propagationPolicy": "Background"}, params=params)
        except Refused as refused:
            if refused.status != 404:
                raise

    async def wait_for(
        self, path: str, condition: str, within_s: float, meanwhile: Callable[[], None] = lambda: None
    ) -> Object:
        """Wait until the object at `path` has this condition; it, or the server, may still be coming.

        Args:
            meanwhile: is called again and again; it may raise to end the wait.

        Raises:
            LabError: it took too long.
        """
        give_up = time.monotonic() + within_s
        while True:
            meanwhile()
            try:
                found = await self.find(path) or {}
            except (aiohttp.ClientError, TimeoutError, Refused):
                found = {}
            if holds(found, condition):
                return found
            if time.monotonic() > give_up:
                raise LabError(f"{path} did not become {condition} within {within_s:.0f} s")
            await asyncio.sleep(POLL_S)

    async def watch(self, path: str, version: str = "", **params: str) -> AsyncIterator[tuple[str, Object]]:
        """Changes, each with its type, until the server ends the watch; without a version, first what is there."""
        query = {"watch": "true", **params}
        if version:
            query |= {"resourceVersion": version, "timeoutSeconds": str(WATCH_S), "allowWatchBookmarks": "true"}
        limit = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with self._session.get(path, params=query, timeout=limit) as answer:
            if answer.status >= 400:
                raise Refused(answer.status, f"watch {path}")
            rest = b""
            async for chunk in answer.content.iter_any():  # a line may be longer than any limit
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise Refused(int(event["object"].get("code") or 500), str(event["object"].get("message")))
                    yield event["type"], event["object"]


def holds(item: Mapping[str, Any], condition: str) -> bool:
    """Whether an object has a condition."""
    conditions = item.get("status", {}).get("conditions") or []
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)


async def all_of(calls: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Make all of these calls, a few at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(call: Callable[[], Awaitable[None]]) -> None:
        async with room:
            await call()

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(one(call))
