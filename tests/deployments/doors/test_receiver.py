"""What a sender of webhooks is answered, and when."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from deployments.doors import connections, receiver, room
from deployments.doors.receiver import application
from deployments.doors.serving import receive
from deployments.settings import Settings
from sluice.errors import TerminalError, TransientError
from sluice.events.model import Event
from sluice.events.senders.table import SENDERS

SECRETS = {"registry_token": SecretStr("token"), "github_secret": SecretStr("secret")}
BEARER = {"Authorization": "Bearer token"}
TARGET = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "repository": "shop", "tag": "1", "digest": "a:b"}
PUSHED = {"events": [{"id": "1", "action": "push", "target": TARGET, "request": {"host": "registry"}}]}
PUSH = {"ref": "refs/heads/main", "after": "c", "repository": {"clone_url": "https://host/a.git"}}


class Taker:
    """Stands where Prefect stands."""

    def __init__(self) -> None:
        self.taken: list[Event] = []
        self.error: Exception | None = None

    async def post(self, events: Sequence[Event]) -> int:
        if self.error is not None:
            raise self.error
        self.taken += events
        return len(events)


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
async def client(taker: Taker) -> AsyncIterator[httpx.AsyncClient]:
    app = application(taker.post, SENDERS.values(), SECRETS.get)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
        yield client


def signed(body: bytes, event: str = "push", secret: bytes = b"secret") -> dict[str, str]:
    signature = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": signature, "X-GitHub-Event": event, "X-GitHub-Delivery": "d"}


async def from_github(client: httpx.AsyncClient, payload: Any, event: str = "push") -> httpx.Response:
    body = json.dumps(payload).encode()
    return await client.post("/github", content=body, headers=signed(body, event))


async def test_a_registry_notification_is_accepted_after_prefect_took_it(
    client: httpx.AsyncClient, taker: Taker
) -> None:
    """2xx means that Prefect has the event."""
    answer = await client.post("/registry", json=PUSHED, headers=BEARER)
    assert (answer.status_code, answer.json()) == (202, {"events": 1, "new": 1})
    assert [event.payload for event in taker.taken] == [{"image": "registry/shop", "tag": "1", "digest": "a:b"}]


async def test_a_signed_push_is_accepted(client: httpx.AsyncClient, taker: Taker) -> None:
    """GitHub's push becomes a changed source."""
    assert (await from_github(client, PUSH)).status_code == 202
    assert [event.name for event in taker.taken] == ["sluice.source.changed"]


@pytest.mark.parametrize(("event", "status"), [("ping", 200), ("issues", 202)])
async def test_other_github_events_are_answered_and_dropped(
    client: httpx.AsyncClient, taker: Taker, event: str, status: int
) -> None:
    """A ping says that the webhook works; what is none of our business is no error."""
    assert (await from_github(client, {"zen": "x"}, event)).status_code == status
    assert taker.taken == []


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "token"}], ids=["none", "wrong", "no scheme"]
)
async def test_a_registry_without_the_token_gets_401(
    client: httpx.AsyncClient, taker: Taker, headers: dict[str, str]
) -> None:
    """Nobody else starts deliveries."""
    assert (await client.post("/registry", json=PUSHED, headers=headers)).status_code == 401
    assert taker.taken == []


@pytest.mark.parametrize(
    "headers",
    [
        {"X-GitHub-Event": "push", "X-GitHub-Delivery": "d"},
        signed(json.dumps(PUSH).encode(), secret=b"other"),
        signed(json.dumps(PUSH).encode() + b" "),
    ],
    ids=["none", "other secret", "other body"],
)
async def test_a_webhook_that_is_not_signed_with_the_secret_gets_401(
    client: httpx.AsyncClient, taker: Taker, headers: dict[str, str]
) -> None:
    """The signature is over the raw body."""
    assert (await client.post("/github", content=json.dumps(PUSH).encode(), headers=headers)).status_code == 401
    assert taker.taken == []


async def test_without_a_secret_nothing_is_taken(taker: Taker) -> None:
    """An installation that forgot to set a secret is closed, not open."""
    app = application(taker.post, SENDERS.values(), lambda field: None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
        assert (await client.post("/registry", json=PUSHED, headers={"Authorization": "Bearer "})).status_code == 401
        assert (await from_github(client, PUSH)).status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"events": 1}', b"null"])
async def test_a_malformed_body_gets_400_and_a_reason(client: httpx.AsyncClient, body: bytes) -> None:
    """Telling it again would not help, so the sender must not try."""
    answer = await client.post("/registry", content=body, headers=BEARER)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert (await client.post("/github", content=body, headers=signed(body))).status_code == 400


async def test_a_webhook_without_its_headers_gets_400(client: httpx.AsyncClient) -> None:
    """The message names the header."""
    headers = {"X-Hub-Signature-256": signed(b"{}")["X-Hub-Signature-256"]}
    answer = await client.post("/github", content=b"{}", headers=headers)
    assert answer.status_code == 400
    assert "X-GitHub-Event" in answer.json()["error"]


@pytest.mark.parametrize(("path", "limit"), [("/registry", 1024**2), ("/github", 25 * 1024**2)])
async def test_a_body_beyond_the_limit_gets_413_and_is_not_read_to_its_end(
    client: httpx.AsyncClient, path: str, limit: int
) -> None:
    """Also where no length is announced: reading stops at the limit."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 4 * limit:
            read += 65536
            yield b"x" * 65536

    proof = BEARER | signed(b"")
    answer = await client.post(path, content=endless(), headers=proof)
    assert answer.status_code == 413
    assert read < 2 * limit
    announced = await client.post(path, content=b"x", headers=proof | {"Content-Length": str(limit + 1)})
    assert announced.status_code == 413


@pytest.mark.parametrize(
    "error", [TransientError("Prefect is away", retry_after=7), TransientError("away"), TerminalError("refused")]
)
async def test_while_prefect_does_not_take_events_the_answer_is_503(
    client: httpx.AsyncClient, taker: Taker, error: Exception
) -> None:
    """The sender keeps the delivery and is told when to try again."""
    taker.error = error
    for answer in (await client.post("/registry", json=PUSHED, headers=BEARER), await from_github(client, PUSH)):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1


async def test_it_says_that_it_lives(client: httpx.AsyncClient) -> None:
    """For probes."""
    assert (await client.get("/healthz")).status_code == 200


async def test_a_delivery_without_a_signature_is_refused_before_its_body(client: httpx.AsyncClient) -> None:
    """Nobody who cannot even claim to know the secret costs memory."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 1024**2:
            read += 65536
            yield b"x" * 65536

    for signature in ({}, {"X-Hub-Signature-256": "sha256=ab"}, {"X-Hub-Signature-256": "md5=" + 64 * "a"}):
        answer = await client.post("/github", content=endless(), headers=signature | {"X-GitHub-Event": "push"})
        assert answer.status_code == 401
        assert "X-Hub-Signature-256" in answer.json()["error"]
    assert read == 0


async def test_bodies_of_all_senders_together_have_a_bound(taker: Taker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes when there is no room is asked to come again; room that was given back is there for the next."""
    monkeypatch.setattr(room, "IN_FLIGHT", 3 * 1024)
    monkeypatch.setattr(room, "BODY_WITHIN", 0.2)
    shared = room.Room(3 * 1024)
    monkeypatch.setattr(receiver, "Room", lambda: shared)
    app = application(taker.post, SENDERS.values(), SECRETS.get)
    gate = asyncio.Event()

    async def stops() -> AsyncIterator[bytes]:
        yield b"x" * 2048
        await gate.wait()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
        stopped = asyncio.create_task(client.post("/registry", content=stops(), headers=BEARER))
        while not shared.taken:
            await asyncio.sleep(0)
        answer = await client.post("/registry", content=b"x" * 2048, headers=BEARER)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert shared.taken == 2048
        assert (await stopped).status_code == 408
        assert shared.taken == 0
        assert (await client.post("/registry", json=PUSHED, headers=BEARER)).status_code == 202
        assert shared.taken == 0


async def test_connections_that_only_wait_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-sent headers, or nothing at all, keep no descriptor; and there are only so many connections at once."""
    monkeypatch.setattr(connections, "HEADERS_WITHIN", 0.2)
    monkeypatch.setattr(connections, "CONNECTIONS", 8)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ready = asyncio.Event()
    serving = asyncio.create_task(
        receive(Settings(home=tmp_path, receiver_port=port, prefect_api_url="http://127.0.0.1:9/api"), ready.set)
    )
    async with asyncio.timeout(20):
        await ready.wait()
        for sent in (b"", b"POST /registry HTTP/1.1\r\nHost: x\r\nX-Half: "):
            pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(12)]
            for _, writer in pairs:
                writer.write(sent)
            assert [await reader.read() for reader, _ in pairs] == [b""] * 12, "closed by the receiver"
            for _, writer in pairs:
                writer.close()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert (await client.get("/healthz")).status_code == 200
    serving.cancel()
    await asyncio.wait({serving})
