"""A burst of image pushes: each accepted notification becomes one delivery, whatever the burst does to the server."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from blocks.prefect.api import PrefectEvents
from deployments.doors.receiver import application
from deployments.worker import worker
from sluice.events.senders.table import SENDERS
from tests.deployments.conftest import HOLD, Runtime

WITHIN = 600.0
"""Seconds after which a delivery counts as lost. How long a burst takes is measured by `bench/burst.py`, not here."""


def notification(tag: str) -> dict[str, object]:
    target = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "repository": "shop",
        "tag": tag,
        "digest": f"sha256:{tag}",
    }
    return {"events": [{"id": uuid4().hex, "action": "push", "target": target, "request": {"host": "registry"}}]}


async def told(client: httpx.AsyncClient, tag: str) -> int:
    """Tell as a registry does: the same notification again until it is accepted. Returns how often."""
    body = notification(tag)
    for tries in range(1, 100):
        answer = await client.post("/registry", json=body, headers={"Authorization": "Bearer token"})
        if answer.status_code == 202:
            return tries
        assert answer.status_code == 503, answer.text
        await asyncio.sleep(1)
    raise AssertionError(f"{tag} was never accepted")


@pytest.mark.parametrize(
    "pushes", [pytest.param(100, marks=pytest.mark.lab), pytest.param(500, marks=pytest.mark.soak)]
)
async def test_a_burst_of_pushes_is_as_many_deliveries(sut: Runtime, pushes: int) -> None:
    """All told at once: none is lost, none is run twice."""
    tags = {f"1.0.{index}" for index in range(pushes)}
    async with sut.worker(), PrefectEvents(sut.settings.api_url) as api:
        app = application(api.post, SENDERS.values(), {"registry_token": SecretStr("token")}.get)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
            await asyncio.gather(*(told(client, tag) for tag in tags))
        async with asyncio.timeout(WITHIN):
            while len({note["tag"] for note in sut.notes(flow="deliver")}) < pushes:
                await asyncio.sleep(0.2)
        await asyncio.sleep(2)  # a second start would follow now
    assert Counter(note["tag"] for note in sut.notes(flow="deliver")) == dict.fromkeys(tags, 1)


@pytest.mark.server
async def test_who_comes_after_a_burst_does_not_wait_for_all_of_it(
    sut: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A namespace that releases everything at once and a team with one service: room for all, and turns to start."""
    monkeypatch.setattr(worker, "STARTING_AT_ONCE", 2)
    burst = [f"burst-{number}" for number in range(30)]
    for name in burst:
        await sut.start(HOLD, name=name, namespace="many", canary=name)
    async with sut.worker():
        await sut.until(lambda: sut.notes(event="started"))
        await sut.start(HOLD, name="late", namespace="one", canary="late")
        await sut.until(lambda: len(sut.notes(event="started")) == len(burst) + 1)
        sut.enough("late", *burst)
        started = [note["name"] for note in sut.notes(event="started")]
    assert sorted(started) == sorted([*burst, "late"])
    assert started.index("late") < len(burst) - 5
