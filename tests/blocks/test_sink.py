"""A sink of CloudEvents gets each event whole, in the binary mode, and as often as it asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from blocks.sink import Sink
from sluice.errors import InvalidError, TerminalError, TransientError
from tests.served import served

EVENT: dict[str, Any] = {
    "context": {
        "specversion": "0.5.0",
        "id": "7",
        "source": "/sluice/production%20eu",
        "type": "dev.cdevents.service.upgraded.0.3.0",
        "timestamp": "2026-11-28T10:00:00Z",
    },
    "subject": {"id": "team/shöp", "content": {}},
}


@dataclass
class Hearing:
    """A sink that answers in turn with these statuses; the last one is for all that follows."""

    statuses: list[int] = field(default_factory=lambda: [202])
    got: list[tuple[dict[str, str], Any]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.json()))
        return Response(status_code=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])

    @asynccontextmanager
    async def open(self, login: str = "") -> AsyncIterator[Sink]:
        app = Starlette(routes=[Route("/sink", self.take, methods=["POST"])])
        async with served(app) as url, httpx.AsyncClient(trust_env=False) as http:
            yield Sink(http, SecretStr(f"{url.replace('://', f'://{login}')}/sink"))


async def test_an_event_arrives_whole_with_its_context_in_the_headers() -> None:
    """Header and body say the same; what a header cannot say is encoded."""
    hearing = Hearing()
    async with hearing.open("ann:hush@") as sink:
        await sink.send([EVENT])
    ((headers, body),) = hearing.got
    assert body == EVENT
    names = ("specversion", "id", "source", "type", "subject", "time")
    context = EVENT["context"]
    expected = ["1.0", "7", "/sluice/production%2520eu", context["type"], "team/sh%C3%B6p", context["timestamp"]]
    assert [headers[f"ce-{name}"] for name in names] == expected
    assert headers["content-type"].startswith("application/json")
    assert headers["authorization"].startswith("Basic ")


async def test_a_sink_that_is_away_for_a_moment_gets_it_all_the_same() -> None:
    """Once more, with the same id; events stay in order."""
    hearing = Hearing([503, 202, 202])
    async with hearing.open() as sink:
        await sink.send([EVENT, {**EVENT, "context": {**EVENT["context"], "id": "8"}}])
    assert [body["context"]["id"] for _, body in hearing.got] == ["7", "7", "8"]


@pytest.mark.parametrize(("status", "kind"), [(503, TransientError), (429, TransientError), (400, TerminalError)])
async def test_what_a_sink_does_not_take_is_an_error_without_its_login(status: int, kind: type[Exception]) -> None:
    """Later, or never."""
    async with Hearing([status]).open("ann:hush@") as sink:
        with pytest.raises(kind, match=f"answered {status}") as refused:
            await sink.send([EVENT])
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(("address", "kind"), [("http://127.0.0.1:9/", TransientError), ("sink.example", InvalidError)])
async def test_an_address_where_nobody_is_is_an_error(address: str, kind: type[Exception]) -> None:
    """One that is none names its setting."""
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(kind, match=r"sink of CDEvents|SLUICE_CDEVENTS_SINK"):
            await Sink(http, SecretStr(address)).send([EVENT])
