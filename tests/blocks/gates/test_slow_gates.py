"""Webhooks that are slow, endless or none: tried on real servers that are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from blocks.gates import http as gate_module
from blocks.gates.base import Answer
from blocks.gates.http import MOST, webhook_client
from blocks.gates.table import GATES, Gates
from blocks.metrics.prometheus import Prometheus
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from tests.blocks.metrics.servers import served
from tests.samples import canary

PATIENCE = 30.0
Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n"


@contextlib.asynccontextmanager
async def serving(answering: Answering) -> AsyncIterator[str]:
    """The address of a server that answers each request so."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await answering(writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/gate"


def webhook(url: str, timeout: str = "1s") -> CanaryWebhook:
    return CanaryWebhook.model_validate({"name": "e2e", "url": url, "timeout": timeout})


async def ask(url: str, timeout: str = "1s") -> Answer:
    async with webhook_client() as http, asyncio.timeout(PATIENCE):
        return await Gates(http).ask(webhook(url, timeout), canary())


async def test_a_gate_that_drips_is_closed_when_its_time_is_over() -> None:
    """A byte now and then keeps within any timeout of a read: the webhook's timeout is for the whole call."""
    left = asyncio.Event()

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        try:
            while True:
                writer.write(b".")
                await writer.drain()
                await asyncio.sleep(0.4)
        finally:
            left.set()

    async with serving(drip) as url:
        answer = await ask(url)
        async with asyncio.timeout(PATIENCE):
            await left.wait()  # the connection is not kept
    assert not answer.open
    assert "no whole answer within 1 s" in answer.said


async def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    """The status is what opens a gate: 300 MB of page are neither read nor kept."""
    sent = 0

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(HEAD)
        chunk = b"x" * MOST
        while sent < 300_000_000:
            writer.write(chunk)
            await writer.drain()
            sent += len(chunk)

    async with serving(flood) as url:
        answer = await ask(url, "20s")
    assert (answer.open, len(answer.said)) == (True, 204)
    assert sent < 30_000_000  # what was on its way in buffers


async def test_slow_webhooks_of_one_host_hold_up_no_other_host_and_no_metrics() -> None:
    """A hundred of them wait for each other, and for nobody else: their turn begins their time."""
    go, under_way, most = asyncio.Event(), 0, 0

    async def hang(writer: asyncio.StreamWriter) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await go.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        under_way -= 1

    async def at_once(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with (
        serving(hang) as slow,
        serving(at_once) as quick,
        served("prometheus") as address,
        webhook_client() as http,
        httpx.AsyncClient(trust_env=False) as other,
        asyncio.timeout(PATIENCE),
    ):
        gates, metrics = Gates(http), Prometheus(address, other)
        asked = [asyncio.create_task(gates.ask(webhook(slow, "20s"), canary())) for _ in range(100)]
        while under_way < gate_module.AT_ONCE:
            await asyncio.sleep(0.01)
        assert (await gates.ask(webhook(quick), canary())).open
        assert await metrics.value("answer") == 42.0
        assert not any(one.done() for one in asked)
        go.set()
        assert all(one.open for one in await asyncio.gather(*asked))
    assert most == gate_module.AT_ONCE


@pytest.mark.parametrize("url", ["http://[::1/gate", "http://gate.test:port/", "http://", "https://bot:TOKEN@[x/"])
async def test_an_address_that_is_none_is_a_closed_gate_that_says_so(url: str) -> None:
    """A typo ends no run, and what it says names the webhook and gives no login away."""
    answer = await ask(url)
    assert not answer.open
    assert answer.said
    assert "TOKEN" not in answer.said


async def test_an_installed_gate_that_breaks_is_closed_and_ends_no_run() -> None:
    """The contract is a closed gate that says why; a package that does not keep it is named."""

    class Broken:
        async def ask(self, webhook: CanaryWebhook, canary: Canary) -> Answer:
            raise KeyError("token")

    async with webhook_client() as http:
        answer = await Gates(http, {**GATES, "acme": lambda _: Broken()}).ask(webhook("acme://x"), canary())
    assert not answer.open
    assert "the gate for acme:// broke: KeyError('token')" in answer.said
