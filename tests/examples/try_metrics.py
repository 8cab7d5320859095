"""The metrics provider of examples/metrics, installed: its row, and its numbers from a server of documents."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from blocks.metrics.base import Values
from blocks.metrics.providers import Providers
from deployments.installed import all_providers
from sluice.errors import InvalidError, TerminalError, TransientError
from tests.served import served


async def orders(request: Request) -> Response:
    good = 99.5 if request.query_params["side"] == "primary" else 97
    return JSONResponse({"last-minute": {"success": good, "none": None}, "a/b": [1, {"c": "x"}]})


async def busy(_: Request) -> Response:
    return PlainTextResponse("no", status_code=503, headers={"Retry-After": "7"})


async def large(_: Request) -> Response:
    return PlainTextResponse("1" * 1_100_000)


async def refuses(values: Values, query: str, kind: type[Exception]) -> Exception:
    with pytest.raises(kind) as refused:
        await values.value(query)
    assert "TOKEN" not in str(refused.value)
    return refused.value


async def main() -> None:
    app = Starlette(routes=[Route("/orders", orders), Route("/busy", busy), Route("/large", large)])
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        url = await stack.enter_async_context(served(app))
        providers = Providers(http, rows=all_providers())
        values = providers.values("json", url.replace("http://", "http://bot:TOKEN@"))
        assert await values.value("/orders?side=canary#/last-minute/success") == 97.0
        assert await values.value(" /orders?side=primary#/last-minute/success\n") == 99.5
        assert await values.value("/orders?side=canary#/a~1b/0") == 1.0
        for nothing in ("/last-minute/none", "/last-hour/success", "/a~1b/7", "/last-minute/success/deep"):
            assert await values.value(f"/orders?side=canary#{nothing}") is None
        await refuses(values, "/orders?side=canary#/a~1b/1/c", InvalidError)
        await refuses(values, "/orders?side=canary#/a~1b/1", InvalidError)
        await refuses(values, "/elsewhere#/x", InvalidError)
        assert "1048576 bytes" in str(await refuses(values, "/large#", InvalidError))
        away = await refuses(values, "/busy#/x", TransientError)
        assert isinstance(away, TransientError)
        assert away.retry_after == 7
        await refuses(providers.values("json", "http://bot:TOKEN@127.0.0.1:9"), "/orders#/x", TransientError)
        with pytest.raises(TerminalError, match=r"spec\.provider\.address"):
            providers.values("json")


if __name__ == "__main__":
    asyncio.run(main())
