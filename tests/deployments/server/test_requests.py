"""A request's way through the server: shorter, with an unchanged answer."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from prefect.server.api.server import create_api_app
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware

from deployments.server.requests import WORTH_PACKING, DefaultContentType, shorten_the_way

NO_SCHEMA = b'{"schema": {"type": 7}, "values": {}}'


def classes(app: FastAPI) -> list[Any]:
    return [part.cls for part in app.user_middleware]


def test_prefects_own_parts_are_replaced_each_in_its_place() -> None:
    """Where Prefect changes them, this says so."""
    app = create_api_app(ignore_cache=True)
    before = classes(app)
    assert before.count(BaseHTTPMiddleware) == before.count(GZipMiddleware) == 1
    shorten_the_way(app)
    assert classes(app) == [{BaseHTTPMiddleware: DefaultContentType}.get(one, one) for one in before]


def test_a_part_that_asks_for_a_login_is_left_as_it_is() -> None:
    """Only what is known by its name is replaced."""
    app = FastAPI()

    @app.middleware("http")
    async def token_validation(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    before = list(app.user_middleware)
    shorten_the_way(app)
    assert app.user_middleware == before


@pytest.mark.parametrize("quick", [False, True], ids=["Prefect's own", "ours"])
@pytest.mark.parametrize(
    ("body", "headers", "read"),
    [
        (NO_SCHEMA, {}, True),
        (NO_SCHEMA, {"Content-Type": "application/json"}, True),
        (NO_SCHEMA, {"Content-Type": "text/plain"}, False),
        (b"", {}, False),
    ],
    ids=["no type", "JSON", "another type", "no body"],
)
async def test_a_body_without_a_type_is_json(quick: bool, body: bytes, headers: dict[str, str], read: bool) -> None:
    """As Prefect's own part has it: the answer is about what the body says, or that there is none."""
    app = create_api_app(ignore_cache=True)
    if quick:
        shorten_the_way(app)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://prefect") as client:
        answer = await client.post("/ui/schemas/validate", content=body, headers=headers)
    assert answer.status_code == 422
    assert ("is not valid under any of the given schemas" in answer.text) is read, answer.text


@pytest.mark.parametrize(("size", "packed"), [(WORTH_PACKING - 10, False), (WORTH_PACKING + 10, True)])
async def test_a_large_answer_is_packed(size: int, packed: bool) -> None:
    """A list of runs that goes to a browser; not the one run that goes to its worker."""
    app = FastAPI()
    app.add_middleware(GZipMiddleware)
    shorten_the_way(app)

    @app.get("/")
    def answer() -> str:
        return "x" * size

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://prefect") as client:
        given = await client.get("/")
    assert ("content-encoding" in given.headers, given.json()) == (packed, "x" * size)
