"""The API server of one cluster: requests and streams over the official client's transport, with sluice's errors.

Each call has a timeout. Retrying is left to the stages, which know whether an act may be repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlencode

import aiohttp
import orjson

from blocks.kubernetes.logins.base import Credential, Login
from blocks.waits import retry_after
from sluice.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, TerminalError, TransientError

Object = dict[str, Any]
CALL_TIMEOUT = 10.0
CALLS = 64
"""Calls that are under way at the same time; further ones wait for their turn, which is no silence of the server's. Watches
are not among them: there is one for each kind and namespace that is looked after, as many as it takes."""
WATCH_TIMEOUT = 290
"""Seconds after which the server ends a watch by itself: below the five minutes that proxies like to cut at."""
SILENCE = 100.0
"""Seconds without a word after which a watch is taken for dead: the server sends a bookmark about every minute."""
METADATA = "as={kind};g=meta.k8s.io;v=v1"
JSON, OBJECT_METADATA, LIST_METADATA = (
    "application/json",
    f"application/json;{METADATA.format(kind='PartialObjectMetadata')},application/json",
    f"application/json;{METADATA.format(kind='PartialObjectMetadataList')},application/json",
)
"""What is accepted as an answer: all of it, or the metadata of an object or of a list (kubernetes.io, "API concepts")."""
LINE_LIMIT = 64 * 1024 * 1024
"""Most bytes of one event of a watch. What a cluster stores has 1.5 MiB; aggregated API servers set limits of their own."""


_ahead: ContextVar[bool] = ContextVar("sluice_ahead", default=False)


@contextmanager
def ahead_of_others() -> Iterator[None]:
    """Calls inside the block wait for no turn: what keeps hundreds of others alive must not wait behind them."""
    token = _ahead.set(True)
    try:
        yield
    finally:
        _ahead.reset(token)


@dataclass(frozen=True, slots=True)
class ApiServer:
    """How requests reach a cluster.

    Attributes:
        api: the official client's transport.
        name: what messages call the cluster: its context.
        login: how to show who we are; None where the server asks nobody.
        headers: of each request: in whose name it is made.
    """

    api: Any
    name: str
    login: Login | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CALLS), compare=False, repr=False)

    async def close(self) -> None:
        """End all connections."""
        if self.login:
            await self.login.close()
        await self.api.close()

    async def stream(self, path: str, query: dict[str, str], accept: str = JSON) -> AsyncIterator[Object]:
        """The events of a watch until the server ends it.

        Raises:
            ConflictError: 410 Gone, the version is too old: list again.
            TransientError: the connection broke, nothing was heard for too long, or what was heard is no event.
            InvalidError: an event is larger than `LINE_LIMIT`.
        """
        limits = aiohttp.ClientTimeout(total=WATCH_TIMEOUT + 30, sock_connect=5, sock_read=SILENCE)
        query = {**query, "timeoutSeconds": str(WATCH_TIMEOUT)}
        response = await self._send("GET", path, query, None, "application/json", limits, accept)
        try:
            if response.status >= 400:
                self._refuse("GET", path, response, await response.read())
            async for line in lines(response.content.iter_any(), LINE_LIMIT, f"watch {path} on cluster {self.name}"):
                event = self._read("watch", path, line)
                if not (isinstance(event, dict) and isinstance(event.get("object"), dict) and "type" in event):
                    raise TransientError(f"watch {path}: cluster {self.name} sent no event: {line[:200]!r}")
                if event["type"] == "ERROR":
                    self._refuse_watch(path, event["object"])
                yield event
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransientError(f"watch {path} on cluster {self.name} broke: {error!r}") from error
        finally:
            response.close()

    async def call(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        accept: str = JSON,
    ) -> Object:
        """One request; returns the object that was answered.

        Raises:
            NotFoundError, ConflictError, InvalidError, ForbiddenError, TransientError, TerminalError: by its status.
        """
        limits = aiohttp.ClientTimeout(total=CALL_TIMEOUT, sock_connect=5)
        async with nullcontext() if _ahead.get() else self._turns:
            response = await self._send(method, path, query or {}, body, content_type, limits, accept)
            try:
                raw = await response.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                raise TransientError(f"{method} {path}: cluster {self.name} broke off its answer: {error!r}") from error
        if response.status >= 400:
            self._refuse(method, path, response, raw)
        return self._read(method, path, raw)

    @asynccontextmanager
    async def forwarded(
        self, method: str, target: str, body: Any, headers: Mapping[str, str], within: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request of a program that has no credential of its own, as a stream.

        Args:
            target: path and query.
            body: what JSON says; bytes where its type is another.
            headers: `Accept` and `Content-Type` of the request.
            within: seconds for all of it.

        Raises:
            TransientError: the server does not answer.
        """
        limits = aiohttp.ClientTimeout(total=within, sock_connect=5)
        kind, accept = headers.get("Content-Type", "application/json"), headers.get("Accept", "application/json")
        answer = await self._send(method, target, {}, body, kind, limits, accept)
        try:
            yield answer
        finally:
            answer.close()

    def _read(self, method: str, path: str, raw: bytes) -> Object:
        try:
            answer: Object = orjson.loads(raw)
        except ValueError as error:
            # A proxy in the server's place, or a line that was cut: as good as no answer.
            raise TransientError(f"{method} {path}: cluster {self.name} gave no JSON: {raw[:200]!r}") from error
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Object | None,
        content_type: str,
        limits: Any,
        accept: str,
    ) -> Any:
        headers = {"Accept": accept, "Content-Type": content_type, **self.headers}
        url = self.api.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        shown = await self.login.credential() if self.login else Credential()
        answer = await self._request(method, path, url, headers, shown, body, limits)
        if answer.status == 401 and self.login and await self.login.renew(shown):
            # Once more with another credential; a request that was refused did nothing.
            answer.close()
            shown = await self.login.credential()
            answer = await self._request(method, path, url, headers, shown, body, limits)
        return answer

    async def _request(
        self,
        method: str,
        path: str,
        url: str,
        headers: dict[str, str],
        shown: Credential,
        body: Object | None,
        limits: Any,
    ) -> Any:
        if shown.header:
            headers = {**headers, "Authorization": shown.header}
        try:
            answer = await self.api.rest_client.request(method, url, headers, body, None, limits)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(f"{method} {path}: cluster {self.name} does not answer: {error!r}") from error
        return answer.response

    def _refuse(self, method: str, path: str, response: Any, raw: bytes) -> NoReturn:
        try:
            said = orjson.loads(raw).get("message", "")
        except (ValueError, AttributeError):
            said = raw[:200].decode(errors="replace")
        message = f"{method} {path}: cluster {self.name} answered {response.status}: {said}"
        status = response.status
        if status == 404:
            raise NotFoundError(message)
        if status in {409, 410}:
            raise ConflictError(message)
        if status in {400, 422}:
            raise InvalidError(message)
        if status in {408, 429} or status >= 500:
            raise TransientError(message, retry_after=retry_after(response.headers))
        if status == 401 and self.login:
            message = f"{message}: {self.login.refusal}"
        if status == 403:
            raise ForbiddenError(f"{message}: `sluice doctor` names the rights that are missing")
        raise TerminalError(message)

    def _refuse_watch(self, path: str, status: Object) -> NoReturn:
        message = f"watch {path}: cluster {self.name} said {status.get('code')}: {status.get('message')}"
        raise ConflictError(message) if status.get("code") == 410 else TransientError(message)


async def lines(chunks: AsyncIterator[bytes], most: int, what: str) -> AsyncIterator[bytes]:
    """The lines of a stream, however they are cut into chunks; aiohttp's own end the stream at a few MiB.

    Raises:
        InvalidError: a line has more than `most` bytes.
    """
    begun = bytearray()
    async for chunk in chunks:
        begun += chunk
        if b"\n" in chunk:
            *whole, rest = bytes(begun).split(b"\n")
            begun = bytearray(rest)
            for line in whole:
                if line:
                    yield line
        if len(begun) > most:
            raise InvalidError(f"{what}: an object has more than {most // 1024**2} MiB: make it smaller, or delete it")
    if begun:
        yield bytes(begun)
