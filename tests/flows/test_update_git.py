"""update_git: what is written is announced to the rest of sluice, and a rollback to people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flows import update_git as story
from flows.update_git import update_git
from sluice.errors import TerminalError
from sluice.events.model import SourceChanged
from sluice.notices.message import Message, Occasion
from tasks.images.writing.keep_out import keep_out
from tests.tasks.images.ground import TEAM, Ground, ground, line
from tests.tasks.images.place import Events
from tests.tasks.images.test_rolled_back import BAD, PINNED_OLD, rolled_back


class Heard:
    """A chat that keeps what was said."""

    def __init__(self) -> None:
        self.said: list[Message] = []

    async def say(self, message: Message) -> None:
        self.said.append(message)


@pytest.fixture
async def sut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Ground, Events, Heard]]:
    events, chat = Events(), Heard()
    for module, name in ((story, "bring_git"), (story, "announce"), (story, "post_events")):
        monkeypatch.setattr(module, name, getattr(module, name).fn)
    async with ground(tmp_path, monkeypatch, prefect=events, chat=chat) as made:
        made.repository.write({"apps/shop.yaml": line(PINNED_OLD)})
        made.source()
        made.automation()
        yield made, events, chat


async def run() -> Any:
    return await update_git.fn(TEAM, "auto")


async def test_what_is_written_is_synced_at_once(sut: tuple[Ground, Events, Heard]) -> None:
    """Nobody waits for the source's interval; what was there already starts nothing."""
    made, events, _ = sut
    made.policy("1.2.0", by=BAD)
    assert (await run()).message.startswith("written: ")
    (event,) = events.posted
    assert isinstance(event, SourceChanged)
    assert (event.ref, event.commit) == ("main", made.repository.head())
    assert (await run()).message == "unchanged: git had it already"
    assert len(events.posted) == 1


async def test_people_hear_once_that_git_went_back(sut: tuple[Ground, Events, Heard]) -> None:
    """With the commit, and how to let the version in again."""
    made, _, chat = sut
    await made.deliver("1.2.0", BAD)
    rolled_back(made)
    await keep_out.fn(TEAM, "shop")
    for _ in range(2):
        await run()
    (message,) = chat.said
    assert message.occasion is Occasion.KEPT_OUT
    assert "shop:1.2.0" in message.version
    assert made.repository.head()[:12] in message.reason
    assert "sluice.dev/release=TAG" in message.reason


async def test_a_run_that_could_not_write_fails_with_the_reason(sut: tuple[Ground, Events, Heard]) -> None:
    """And the condition has it."""
    made, _, _ = sut
    made.policy("1.2.0", by=BAD)
    made.server.status = 403
    with pytest.raises(TerminalError, match="403"):
        await run()
    assert made.ready()[0] == "False"


async def test_a_suspended_automation_is_left_alone(sut: tuple[Ground, Events, Heard]) -> None:
    """Its event may be older than the wish."""
    made, _, _ = sut
    made.automation({"suspend": True})
    assert (await run()).message.startswith("ignored: ")
