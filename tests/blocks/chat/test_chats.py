"""What holds for every chat: run over the table, each against a server that knows that chat's own rules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from blocks.chat.base import ChatAddress
from blocks.chat.table import CHATS, chat_for
from blocks.pings import Pinged
from lab.standins import slack
from sluice.errors import InvalidError, TerminalError, TransientError
from sluice.notices.message import Message, Occasion, Severity, rollout_message
from tests.served import served

TOKEN = "xoxb-of-the-lab"


@dataclass
class World:
    """One chat's server, and what it is asked from outside."""

    url: str
    api: str
    http: httpx.AsyncClient

    def address(self, token: str = TOKEN, url: str | None = None) -> ChatAddress:
        return ChatAddress(
            token=SecretStr(token), channel="deliveries", url=self.url + self.api if url is None else url
        )

    async def shown(self) -> str:
        """All that people can read."""
        return (await self.http.get(f"{self.url}/-/messages")).text

    async def busy(self, seconds: int) -> None:
        """Answer the next call with a request to wait."""
        await self.http.post(f"{self.url}/-/limit", json={"times": 1, "retry_after": seconds})


def slack_world(folder: Path) -> tuple[Any, str]:
    return slack.application(folder, TOKEN), "/api/"


WORLDS: dict[str, Callable[[Path], tuple[Any, str]]] = {"slack": slack_world}


@pytest.fixture(params=CHATS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def world(provider: str, tmp_path: Path) -> AsyncIterator[World]:
    app, api = WORLDS[provider](tmp_path)
    async with served(app) as url, httpx.AsyncClient(trust_env=False) as http:
        yield World(url, api, http)


def test_every_chat_is_tried_here() -> None:
    """A row without a server to try it on would be a promise that nobody checks."""
    assert set(WORLDS) == set(CHATS)


async def test_a_chat_says_as_whom_it_knows_us_and_posts_nothing_for_it(world: World, provider: str) -> None:
    """What `sluice doctor` asks."""
    chat: Any = chat_for(provider, world.address())
    assert isinstance(chat, Pinged)
    assert "sluice" in await chat.ping()
    assert await world.shown() == "[]"


async def test_a_chat_that_refuses_us_or_is_away_says_so_when_it_is_asked(world: World, provider: str) -> None:
    """Refused for good, for now, or nobody there; never with the token."""
    refused: Any = chat_for(provider, world.address("xoxb-another"))
    with pytest.raises(TerminalError, match="invalid_auth") as said:
        await refused.ping()
    assert "xoxb-another" not in str(said.value)
    await world.busy(3)
    busy: Any = chat_for(provider, world.address())
    with pytest.raises(TransientError) as later:
        await busy.ping()
    assert later.value.retry_after == 3
    away: Any = chat_for(provider, world.address(url="http://127.0.0.1:9/"))
    with pytest.raises(TransientError, match="does not answer"):
        await away.ping()


@pytest.mark.parametrize("occasion", Occasion)
async def test_people_read_what_happened_why_and_the_numbers(world: World, provider: str, occasion: Occasion) -> None:
    """Whatever the chat's markup: nothing of the message is missing."""
    message = rollout_message(occasion, "shop/cart", "1.2.0", "12 of 40 failed", {"Weight": "60 %", "Empty": ""})
    await chat_for(provider, world.address()).say(message)
    shown = await world.shown()
    for part in ("shop/cart", "1.2.0", str(occasion), "12 of 40 failed", "Weight", "60 %"):
        assert part in shown
    assert "Empty" not in shown


async def test_what_is_too_long_is_cut_and_taken(world: World, provider: str) -> None:
    """A message that the chat refuses would be one that nobody reads."""
    facts = {f"<fact & {number}>": "<&>" * 2000 for number in range(30)}
    message = Message(
        severity=Severity.ERROR,
        occasion=Occasion.ROLLED_BACK,
        subject="shop/cart",
        version="1.2.0",
        reason="<reason> & numbers " * 3000,
        facts=facts,
        link="https://prefect.example/runs/1?a=1&b=2",
    )
    await chat_for(provider, world.address()).say(message)
    assert "shop/cart" in await world.shown()


async def test_a_refused_token_is_final_and_stays_secret(world: World, provider: str) -> None:
    """Asking again would not help; the error shows no token."""
    message = rollout_message(Occasion.STARTED, "a/b", "1")
    with pytest.raises(TerminalError) as refused:
        await chat_for(provider, world.address("xoxb-wrong")).say(message)
    assert "xoxb-wrong" not in str(refused.value)


async def test_a_chat_that_asks_to_wait_is_asked_again_later(world: World, provider: str) -> None:
    """Its own time is passed on; the next try is taken."""
    chat, message = chat_for(provider, world.address()), rollout_message(Occasion.STARTED, "a/b", "1")
    await world.busy(7)
    with pytest.raises(TransientError) as refused:
        await chat.say(message)
    assert refused.value.retry_after == 7
    await chat.say(message)
    assert "a/b" in await world.shown()


async def test_a_chat_that_is_away_may_come_back(world: World, provider: str) -> None:
    """A refused connection may pass."""
    with pytest.raises(TransientError):
        await chat_for(provider, world.address(url="http://127.0.0.1:9/api/")).say(
            rollout_message(Occasion.STARTED, "a/b", "1")
        )


def test_an_unknown_chat_is_refused_by_name() -> None:
    """With those that there are."""
    with pytest.raises(InvalidError, match=r"spec\.type 'pager'.*slack"):
        chat_for("pager", ChatAddress(token=SecretStr("t"), channel="c"))
