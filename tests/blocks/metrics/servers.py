"""Small HTTP servers that answer as metrics providers do, one for each row of the table of providers."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PERIOD, SCRAPES = 2.0, 30
_RANGE = re.compile(r'x_total\{a=~"b"\}\[(\d+)ms\]')


def prometheus() -> tuple[str, Handler]:
    """A counter `x_total{a="b"}` that was scraped every two seconds for the last minute; `answer` is 42, and numbers
    can be computed."""
    begin = round(1000 * (time.time() - SCRAPES * PERIOD))
    scraped = [(begin + round(1000 * PERIOD * at), str(at)) for at in range(SCRAPES)]

    async def handle(request: web.Request) -> web.Response:
        form = await request.post()
        query, found = str(form["query"]), _RANGE.fullmatch(str(form["query"]))
        kind, result = "vector", []
        if found:
            end = round(1000 * float(str(form["time"])))
            # In milliseconds, and as Prometheus 2 has it: with the sample at the window's start.
            values = [(at / 1000, value) for at, value in scraped if end - int(found[1]) <= at <= end]
            kind, result = "matrix", [{"metric": {"a": "b"}, "values": values}] if values else []
        elif query == "vector(1)":
            result = [{"metric": {}, "value": [time.time(), "1"]}]
        elif query == "answer":
            result = [{"metric": {}, "value": [time.time(), "42"]}]
        elif "[" in query:
            kind = "matrix"
        return web.json_response({"status": "success", "data": {"resultType": kind, "result": result}})

    return "/api/v1/query", handle


SERVERS: dict[str, Callable[[], tuple[str, Handler]]] = {"prometheus": prometheus}
"""By the type of the provider."""


@asynccontextmanager
async def served(kind: str) -> AsyncIterator[str]:
    """The address of a server of that type."""
    path, handle = SERVERS[kind]()
    app = web.Application()
    app.router.add_route("*", path, handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address: Any = runner.addresses[0]
    try:
        yield f"http://127.0.0.1:{address[1]}"
    finally:
        await runner.cleanup()
