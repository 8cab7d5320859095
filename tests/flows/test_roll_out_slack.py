"""A release that waits at a Gate goes on by a button in Slack: the whole way, but for Slack itself and the network."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from flows import roll_out as story
from flows.rollout_run import RolloutRun
from sluice.rollout.decision import Outcome
from tasks.measuring import step as judging
from tasks.people.close_questions import close_questions
from tasks.rollout import finalise, initialise, promote, roll_back
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import RolloutRef
from tests.connected import connected
from tests.deployments.doors.slack_site import ALICE, BOB, Site, around
from tests.flows.test_roll_out_stopped import NEW, World, one_run
from tests.gates import gate_object
from tests.samples import NAME, NAMESPACE

log = logging.getLogger("test")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (roll_back, finalise, initialise, promote):
        monkeypatch.setattr(module, "DRAIN", 0)
    monkeypatch.setattr(judging, "SEARCH", 0.001)
    monkeypatch.setattr(story, "get_run_logger", lambda: log)


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[tuple[World, Site]]:
    """A cluster with a first version, a Gate of two people before users meet the next one, and Slack."""
    world = World(stops_at=0)
    world.cluster.add(gate_object(at=("pre-rollout",), approval={"needed": 2}))
    async with around(world.cluster, tmp_path) as site:
        chat = {"chat": site.slack, "seal": site.desk.seal, "gate_kinds": site.kinds(world)}
        async with asyncio.timeout(15), connected(world.cluster, "worker", **world.parts(), **chat):
            await one_run("initialise")
            world.push(NEW)
            yield world, site


async def release() -> RolloutRun:
    """One run of the release, with what it does at its end."""
    async with claimed(RolloutRef(namespace=NAMESPACE, name=NAME), "release") as lease:
        run = await story.resumed(RolloutRef(namespace=NAMESPACE, name=NAME))
        run.cleaning = True
        await story._to_the_end(run, lease)
        await run.flush()
        await close_questions.fn(run.ref, str(run.outcome), run.reason)
        return run


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.001)


async def question(site: Site, reason: str) -> dict[str, Any]:
    """The message of the Gate, once it says that."""
    while True:
        for one in (await site.workspace.get("/-/messages")).json():
            if reason in one["message"]["text"]:
                found: dict[str, Any] = one["message"]
                return found
        await asyncio.sleep(0.005)


def weight(world: World) -> int:
    """Percent of the users at the canary."""
    return int(world.cluster.now("Canary", NAME, NAMESPACE)["status"].get("canaryWeight", 0))


async def test_two_people_let_a_release_go_on_by_buttons(there: tuple[World, Site]) -> None:
    """Each press is a record; after the second users meet the version, and the message says who it was."""
    world, site = there
    running = asyncio.create_task(release())
    first = await question(site, "waits for approval by anybody")
    assert weight(world) == 0
    assert "Recorded" in await site.press(first, ALICE)
    assert "before" in await site.press(first, ALICE, trigger="1.2")
    second = await question(site, "1 of 2 approvals (alice@shop.test)")
    assert second["ts"] == first["ts"], "one message, which is changed"
    pressed = time.monotonic()
    press = asyncio.create_task(site.press(second, BOB, trigger="1.3"))
    await until(lambda: weight(world) > 0)
    log.warning("button pressed, users meet the version %.0f ms later", 1000 * (time.monotonic() - pressed))
    assert "Recorded" in await press
    assert (await running).outcome is Outcome.PROMOTED
    last = await question(site, "gate is open: approved by alice@shop.test, bob@shop.test")
    assert last["ts"] == first["ts"]
    assert not [block for block in last["blocks"] if block["type"] == "actions"]


async def test_a_button_sends_a_release_home(there: tuple[World, Site]) -> None:
    """Abort under the message that it has begun; the Gate's message says that nobody is asked any more."""
    _, site = there
    running = asyncio.create_task(release())
    asked = await question(site, "waits for approval by anybody")
    begun = await question(site, "started")
    pressed = time.monotonic()
    press = asyncio.create_task(site.press(begun, ALICE, "abort", reason="wrong database"))
    run = await running
    log.warning("abort pressed, the release is over %.0f ms later", 1000 * (time.monotonic() - pressed))
    assert "Recorded" in await press
    assert (run.outcome, "aborted by alice@shop.test" in run.reason) == (Outcome.ROLLED_BACK, True)
    left = await question(site, "gate is not asked any more")
    assert left["ts"] == asked["ts"]
    assert "Refused" in await site.press(asked, BOB, trigger="9"), "the release is over"
