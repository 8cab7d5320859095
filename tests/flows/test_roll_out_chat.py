"""People are told of a rollout; a rollout never waits for that."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from flows import roll_out as story
from sluice.notices.message import Message
from tasks.measuring import step as judging
from tasks.rollout import finalise, initialise, promote, roll_back
from tests.connected import connected
from tests.flows.test_roll_out_stopped import NEW, World, one_run
from tests.samples import NAME, NAMESPACE


class SilentChat:
    """A chat that takes messages and never answers."""

    def __init__(self) -> None:
        self.asked: list[Message] = []

    async def say(self, message: Message) -> None:
        self.asked.append(message)
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (roll_back, finalise, initialise, promote):
        monkeypatch.setattr(module, "DRAIN", 0)
    monkeypatch.setattr(judging, "SEARCH", 0.001)
    monkeypatch.setattr(story, "get_run_logger", lambda: logging.getLogger("test"))


async def test_a_chat_that_does_not_answer_holds_no_traffic() -> None:
    """The release begins, steps and is promoted while the message of its start is still on its way."""
    world, chat = World(stops_at=0), SilentChat()
    parts: dict[str, Any] = {**world.parts(), "chat": chat}
    async with asyncio.timeout(20), connected(world.cluster, "worker", **parts):
        await one_run("initialise")
        world.push(NEW)
        run = asyncio.create_task(one_run("release"))
        while world.cluster.now("Canary", NAME, NAMESPACE)["status"]["phase"] != "Succeeded":
            await asyncio.sleep(0.001)
        assert chat.asked
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
