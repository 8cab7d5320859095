"""`disableTLS`: a service with a certificate of its own is asked where its owner says so, and no other. Over real TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from blocks.gates.http import webhook_client
from blocks.gates.table import Gates
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from tests.blocks.registries.authority import Authority
from tests.samples import canary


@asynccontextmanager
async def service(folder: Path) -> AsyncIterator[str]:
    """A service that opens, by a certificate for which nobody vouches that anybody knows."""
    pair = Authority().pair("gate")
    for name, text in (("certificate", pair.certificate), ("key", pair.key)):
        (folder / name).write_text(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/check"


@pytest.mark.parametrize("disabled", [False, True])
async def test_a_certificate_that_nobody_knows_is_taken_only_where_it_is_said(disabled: bool, tmp_path: Path) -> None:
    """And the next webhook, which does not say so, is not asked without verification either."""
    async with service(tmp_path) as url, webhook_client() as http:
        gates = Gates(http)
        hook = CanaryWebhook.model_validate({"name": "own", "url": url, "disableTLS": disabled})
        answer = await gates.ask(hook, canary())
        other = await gates.ask(CanaryWebhook(name="other", url=url), canary())
    assert (answer.open, other.open) == (disabled, False)
    assert "certificate" in other.said.lower()
