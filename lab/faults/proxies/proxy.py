"""A proxy before the API server, or before Prometheus, that fails on request and sees at which act its client stands.

One listener for each process of the installation: so the log says who wrote what. The sentry is asked before a write is
forwarded and again before it is answered; in between it may end or hold the client's process, which puts a fault exactly
on a boundary between two acts.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from aiohttp import web
from yarl import URL

from lab.faults.proxies.acts import Act, act_of, parsed
from lab.faults.proxies.prometheus import altered
from lab.faults.proxies.weather import REFUSALS, Ask, Effect, Rule, Weather
from lab.ports import HOST

HANG_S = 60.0
CALL_S = 30.0
REAP_S = 2.0
RUN_HEADER = "X-Lab-Run"
"""In which a client says whose flow run's request it is (`shim`)."""
BROKEN = (aiohttp.ClientError, ConnectionError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Write:
    """One write that the API server answered.

    Attributes:
        version: the resourceVersion that it produced: the cluster's own order of writes; 0 where it was refused.
        answered: whether the client got the answer.
        run: the flow run whose code wrote it; empty outside all runs.
    """

    client: str
    life: int
    at: float
    done: float
    act: Act
    status: int
    version: int
    answered: bool
    run: str = ""

    @property
    def accepted(self) -> bool:
        return self.status < 300


class Sentry(Protocol):
    """Stands at every write."""

    async def before(self, ask: Ask) -> bool:
        """Whether to forward it; otherwise the connection breaks."""

    async def after(self, ask: Ask, status: int) -> bool:
        """Whether to answer it; otherwise the connection breaks."""


class Proxy:
    """One listener. `life` is moved on by the code that starts the client's process again."""

    def __init__(
        self, client: str, target: str, tls: ssl.SSLContext | None, weather: Weather, sentry: Sentry | None = None
    ) -> None:
        self.client, self.life, self.port = client, 0, 0
        self.writes: list[Write] = []
        self.first_words: dict[tuple[int, str], float] = {}
        """(life, Canary) → when that life first asked about that Canary."""
        self._target, self._tls, self._weather, self._sentry = target, tls, weather, sentry
        self._http: aiohttp.ClientSession | None = None
        self._open: dict[int, tuple[web.BaseRequest, Ask, aiohttp.ClientResponse]] = {}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen on a free port for the duration of the block."""
        connector = aiohttp.TCPConnector(ssl=self._tls if self._tls else True, limit=0)
        self._http = aiohttp.ClientSession(connector=connector)
        runner = web.ServerRunner(web.Server(self._carry, access_log=None), shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, HOST, self.port, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        self._weather.on_change.append(self._on_change)
        reaper = asyncio.create_task(self._reap())
        try:
            yield
        finally:
            reaper.cancel()
            self._weather.on_change.remove(self._on_change)
            for request, _, _ in list(self._open.values()):
                _break(request)
            await self._http.close()
            await runner.cleanup()

    async def _carry(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._http is None or self._http.closed:
            return _break(request)  # the listener is about to go
        try:
            content = await request.read()
        except BROKEN:
            return _break(request)  # its client was killed in the middle of its request
        path, query = request.rel_url.raw_path, request.rel_url.raw_query_string
        act = act_of(request.method, path, content)
        run = request.headers.get(RUN_HEADER, "")
        ask = Ask(self.client, self.life, time.time(), request.method, path, query, content, act, run)
        if ask.canary:
            self.first_words.setdefault((ask.life, ask.canary), ask.at)
        rule = self._weather.met_by(ask)
        if rule:
            refusal = await _refuse(rule, request)
            if refusal:
                return refusal
        try:
            if ask.watches:
                return await self._carry_watch(ask, request)
            return await self._carry_call(ask, request, rule)
        except BROKEN:
            return _break(request)

    async def _carry_call(self, ask: Ask, request: web.BaseRequest, rule: Rule | None) -> web.StreamResponse:
        if self._sentry and ask.act and not await self._sentry.before(ask):
            return _break(request)
        async with self._forward(ask, request) as answer:
            raw = await answer.read()
            status, kind = answer.status, answer.headers.get("Content-Type", "application/json")
            asked_wait = answer.headers.get("Retry-After")
        lost = rule is not None and rule.effect is Effect.LOSE_ANSWER
        answered = not lost and not (self._sentry and ask.act and not await self._sentry.after(ask, status))
        if ask.act:
            self._note(ask, status, raw, answered)
        if not answered:
            return _break(request)
        if rule:
            raw = altered(rule, raw)
        headers = {"Content-Type": kind} | ({"Retry-After": asked_wait} if asked_wait else {})
        return web.Response(body=raw, status=status, headers=headers)

    def _note(self, ask: Ask, status: int, raw: bytes, answered: bool) -> None:
        assert ask.act is not None  # noqa: S101
        meta = parsed(raw).get("metadata") or {}
        version = str(meta.get("resourceVersion", "")) if status < 300 else ""
        number = int(version) if version.isdigit() else 0
        done = time.time()
        self.writes.append(Write(ask.client, ask.life, ask.at, done, ask.act, status, number, answered, ask.run))

    def _forward(self, ask: Ask, request: web.BaseRequest) -> aiohttp.client._RequestContextManager:
        assert self._http is not None  # noqa: S101
        url = URL(self._target + ask.path + (f"?{ask.query}" if ask.query else ""), encoded=True)
        headers = {name: request.headers[name] for name in ("Accept", "Content-Type") if name in request.headers}
        headers["Accept-Encoding"] = "identity"
        limit = aiohttp.ClientTimeout(total=None if ask.watches else CALL_S, sock_connect=5)
        return self._http.request(ask.method, url, data=ask.content or None, headers=headers, timeout=limit)

    async def _carry_watch(self, ask: Ask, request: web.BaseRequest) -> web.StreamResponse:
        async with self._forward(ask, request) as answer:
            if answer.status >= 400:
                return web.Response(body=await answer.read(), status=answer.status, content_type="application/json")
            stream = web.StreamResponse(headers={"Content-Type": "application/json"})
            await stream.prepare(request)
            self._open[id(request)] = (request, ask, answer)
            try:
                async for chunk in answer.content.iter_any():
                    if self._weather.over_watch(ask, Effect.CUT, Effect.DROP_WATCHES, Effect.HANG):
                        return _break(request)
                    while held := self._weather.over_watch(ask, Effect.HOLD_WATCHES):
                        await held.over.wait()
                    await stream.write(chunk)
            finally:
                self._open.pop(id(request), None)
            with suppress(ConnectionError):
                await stream.write_eof()
            return stream

    def _on_change(self) -> None:
        for request, ask, answer in list(self._open.values()):
            if self._weather.over_watch(ask, Effect.CUT, Effect.DROP_WATCHES):
                _break(request)
                answer.close()

    async def _reap(self) -> None:
        """End the watches of clients that are gone: nobody else would notice while nothing changes."""
        while True:
            await asyncio.sleep(REAP_S)
            for request, _, answer in list(self._open.values()):
                if request.transport is None or request.transport.is_closing():
                    answer.close()


async def _refuse(rule: Rule, request: web.BaseRequest) -> web.StreamResponse | None:
    """What a rule answers in the server's place; None where the request goes on."""
    match rule.effect:
        case Effect.TOO_MANY | Effect.ERROR | Effect.CONFLICT:
            status, reason, message = REFUSALS[rule.effect]
            said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message}
            headers = {"Retry-After": "1"} if status == 429 else {}
            body = json.dumps({**said, "code": status}).encode()
            return web.Response(body=body, status=status, headers=headers, content_type="application/json")
        case Effect.CUT:
            return _break(request)
        case Effect.HANG:
            with suppress(TimeoutError):
                async with asyncio.timeout(HANG_S):
                    await rule.over.wait()
            return _break(request)
        case Effect.SLOW:
            await asyncio.sleep(rule.seconds)
    return None


def _break(request: web.BaseRequest) -> web.Response:
    """Break the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
