"""What a rollout does is in the audit trail, once, and no rollout waits for that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.gates.base import Answer
from sluice.errors import NotFoundError, TransientError
from sluice.rollout.decision import Outcome
from tasks.people import record_act
from tests.connected import connected
from tests.flows.test_roll_out_stopped import NEW, World, one_run
from tests.samples import NAME, NAMESPACE, merged

pytestmark = pytest.mark.usefixtures("hurried")


def records(world: World) -> list[tuple[str, str, str, str]]:
    """Act, by whom, version and point of each, in the order in which they were made."""
    found = [one for key, one in world.cluster.objects.items() if key[0] == "AuditRecord"]
    found.sort(key=lambda one: int(one["metadata"]["resourceVersion"]))
    return [
        (one["spec"]["act"], one["spec"]["by"], one["spec"].get("version", ""), one["spec"].get("point", ""))
        for one in found
    ]


def gated(world: World) -> None:
    canary = world.cluster.now("Canary", NAME, NAMESPACE)
    webhook = {"name": "change", "type": "confirm-promotion", "url": "http://gate.test/"}
    world.cluster.add(merged(canary, {"spec": {"analysis": {"webhooks": [webhook]}}}))


async def test_a_release_leaves_its_records() -> None:
    """That it began, what let it through, and how it ended; the first version is no release."""
    world = World(stops_at=0)
    gated(world)
    async with asyncio.timeout(30), connected(world.cluster, "worker", **world.parts()):
        await one_run("initialise")
        world.push(NEW)
        assert await one_run("release") is Outcome.PROMOTED
        # A worker that died before it wrote finds the release at rest, and writes it then.
        assert await one_run("release") in {Outcome.UNCHANGED, Outcome.PROMOTED}
    assert sorted(records(world)) == [
        ("begun", "sluice", "2", ""),
        ("gate-opened", "sluice", "2", "confirm-promotion"),
        ("promoted", "sluice", "2", ""),
    ]


async def test_a_release_that_fails_leaves_its_reason() -> None:
    """As people read it elsewhere."""
    world = World(stops_at=0)
    async with asyncio.timeout(30), connected(world.cluster, "worker", **world.parts()):
        await one_run("initialise")
        world.push(NEW)
        world.good = False
        assert await one_run("release") is Outcome.ROLLED_BACK
    assert [act for act, *_ in records(world)] == ["begun", "rolled-back"]
    (last,) = [one for key, one in world.cluster.objects.items() if "rolled-back" in key[2]]
    assert "own" in last["spec"]["reason"]


@pytest.mark.parametrize(
    ("error", "kept"), [(NotFoundError("no such kind"), False), (TransientError("away"), False), (None, True)]
)
async def test_a_trail_that_cannot_be_written_holds_no_release(
    error: Exception | None, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kind is not installed, or the cluster does not take it."""
    monkeypatch.setattr(record_act, "FIRST_PAUSE", 0.0)
    world, create = World(stops_at=0), World(stops_at=0).cluster.create
    create = world.cluster.create

    async def refuses(manifest: dict[str, Any]) -> dict[str, Any]:
        if error is not None and manifest["kind"] == "AuditRecord":
            raise error
        return await create(manifest)

    monkeypatch.setattr(world.cluster, "create", refuses)
    async with asyncio.timeout(30), connected(world.cluster, "worker", **world.parts()):
        await one_run("initialise")
        world.push(NEW)
        assert await one_run("release") is Outcome.PROMOTED
    assert bool(records(world)) is kept


async def test_a_gate_that_stays_closed_has_let_nothing_through() -> None:
    """The trail has no word of it."""
    world = World(stops_at=0)
    gated(world)

    async def closed(webhook: Any, canary: Any) -> Answer:
        return Answer(gate=webhook.name, open=webhook.type != "confirm-promotion", said="not now")

    world.ask = closed  # type: ignore[method-assign]
    async with asyncio.timeout(30), connected(world.cluster, "worker", **world.parts()):
        await one_run("initialise")
        world.push(NEW)
        run = asyncio.create_task(one_run("release"))
        while world.cluster.now("Canary", NAME, NAMESPACE)["status"]["phase"] != "WaitingPromotion":
            await asyncio.sleep(0.001)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    assert "gate-opened" not in [act for act, *_ in records(world)]
