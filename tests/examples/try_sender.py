"""The sender of examples/sender, installed: its row, and a delivery through the receiver's door."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence

import httpx
from pydantic import SecretStr

from deployments.doors.receiver import application
from deployments.doors.senders import all_senders
from sluice.events.model import Event, ImagePushed

DIGEST = "sha256:" + "a" * 64
REPORT = {"id": "build-7", "kind": "image", "image": "registry.example/team/shop", "tag": "1.2.0", "digest": DIGEST}


async def main() -> None:
    taken: list[Event] = []

    async def post(events: Sequence[Event]) -> int:
        taken.extend(events)
        return len(events)

    secrets = {"artifacts_secret": SecretStr("s3cret")}
    app = application(post, all_senders().values(), secrets.get)

    async def deliver(report: object, secret: str) -> int:
        body = json.dumps(report).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
            return (await client.post("/artifacts", content=body, headers={"X-Signature": signature})).status_code

    assert await deliver(REPORT, "another") == 401
    assert await deliver({**REPORT, "kind": "chart"}, "s3cret") == 202
    assert await deliver({"kind": "image"}, "s3cret") == 400
    assert taken == []
    assert await deliver(REPORT, "s3cret") == 202
    image = ImagePushed(delivery="build-7", image="registry.example/team/shop", tag="1.2.0", digest=DIGEST)
    assert taken == [image]


if __name__ == "__main__":
    asyncio.run(main())
