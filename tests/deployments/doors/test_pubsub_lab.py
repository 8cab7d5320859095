"""Google Artifact Registry's notifications through a real Pub/Sub server: published, pulled, and pushed to the receiver."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
import uvicorn
from pydantic import SecretStr

from deployments.doors.keys import Keys
from deployments.doors.receiver import application
from lab import paths
from lab.programs import gobuild
from sluice.events.model import Event
from sluice.events.senders.table import SENDERS
from tests.prefect_server import free_port
from tests.sluice.events.senders import payloads
from tests.sluice.events.senders.payloads import DIGEST
from tests.sluice.events.senders.signed import google_keys, google_token

pytestmark = pytest.mark.lab
ACCOUNT, AUDIENCE = "push@project.iam.gserviceaccount.com", "https://sluice.example/google"
WITHIN = 60.0


async def test_what_a_real_pubsub_server_has_of_a_push_is_understood() -> None:
    """Each message is one event with the server's own name for it; a token for another audience brings none."""
    program = await asyncio.to_thread(gobuild.build_program, paths.SOURCES / "pubsub", "pubsub")
    taken: list[Event] = []

    async def post(events: Sequence[Event]) -> int:
        taken.extend(events)
        return len(events)

    async def published(_url: str) -> bytes:
        return google_keys("google-1")

    app = application(post, SENDERS.values(), lambda _: SecretStr(f"{ACCOUNT} {AUDIENCE}"), Keys(published))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())

    async def notified(token: str) -> list[str]:
        """The statuses that the receiver answers to an upload, a tag and a deletion."""
        events = [
            {"action": "INSERT", "digest": payloads.GOOGLE_EVENT["digest"]},
            payloads.GOOGLE_EVENT,
            {"action": "DELETE"},
        ]
        lines = "\n".join(json.dumps(event) for event in events).encode()
        run = await asyncio.create_subprocess_exec(
            *(str(program), f"http://127.0.0.1:{port}/google", token),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(WITHIN):
            out, errors = await run.communicate(lines)
        assert run.returncode == 0, errors.decode()
        return out.decode().split()

    try:
        async with asyncio.timeout(WITHIN):
            while not server.started:
                await asyncio.sleep(0.01)
        now = datetime.now(UTC)
        assert await notified(google_token("google-1", now, aud="https://other.example")) == ["401"] * 3
        assert taken == []
        assert await notified(google_token("google-1", now)) == ["202"] * 3
        (event,) = taken
        image = {"image": "us-east1-docker.pkg.dev/project/team/shop", "tag": "1.2.0", "digest": DIGEST}
        assert event.payload == image
        assert event.delivery
    finally:
        server.should_exit = True
        await serving
