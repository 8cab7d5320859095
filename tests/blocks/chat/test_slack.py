"""Slack: what is sent, and which refusals may pass."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp import web
from pydantic import SecretStr

from blocks.chat.base import ChatAddress
from blocks.chat.slack import Slack
from blocks.chat.slack_blocks import blocks
from sluice.errors import TerminalError, TransientError
from sluice.notices.message import Occasion, rollout_message

MESSAGE = rollout_message(Occasion.PROMOTED, "shop/cart", "1.2.0", "all good", {"Weight": "60 %"})


def connect(url: str, bot: str = "xoxb-x") -> Slack:
    return Slack.connect(ChatAddress(token=SecretStr(bot), channel="deliveries", url=url))


class Answering:
    """A Slack that answers as it is told."""

    answer: web.Response
    asked: list[dict[str, Any]]

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        return self.answer


@pytest.fixture
async def slack() -> AsyncIterator[tuple[Answering, Slack]]:
    it = Answering()
    it.asked = []
    app = web.Application()
    app.router.add_post("/api/chat.postMessage", it.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield it, connect(f"http://127.0.0.1:{runner.addresses[0][1]}/api/")
    await runner.cleanup()


async def test_text_for_notifications_and_blocks_for_the_channel(slack: tuple[Answering, Slack]) -> None:
    """Both are sent: who reads on a watch and who reads the channel learn the same."""
    slack[0].answer = web.json_response({"ok": True})
    await slack[1].say(MESSAGE)
    (asked,) = slack[0].asked
    assert (asked["channel"], asked["text"]) == ("deliveries", MESSAGE.text)
    assert asked["blocks"] == blocks(MESSAGE)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"ok": False, "error": "ratelimited"}, 429, TransientError),
        ({"ok": False, "error": "service_unavailable"}, 503, TransientError),
        ({"ok": False, "error": "fatal_error"}, 200, TransientError),
        ({"ok": False, "error": "invalid_auth"}, 200, TerminalError),
        ({"ok": False, "error": "channel_not_found"}, 200, TerminalError),
        ({"ok": False, "error": "invalid_blocks"}, 200, TerminalError),
    ],
    ids=lambda value: value["error"] if isinstance(value, dict) else str(getattr(value, "__name__", value)),
)
async def test_a_refusal_says_whether_it_may_pass(
    slack: tuple[Answering, Slack], body: dict[str, Any], status: int, error: type[Exception]
) -> None:
    """Slack's own word for the refusal is in the message."""
    slack[0].answer = web.json_response(body, status=status, headers={"Retry-After": "4"})
    with pytest.raises(error, match=body["error"]) as caught:
        await slack[1].say(MESSAGE)
    if isinstance(caught.value, TransientError):
        assert caught.value.retry_after == 4.0


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"text": "<html>Bad Gateway</html>", "status": 502, "content_type": "text/html"}, id="a page"),
        pytest.param({"text": "{", "status": 200, "content_type": "application/json"}, id="half an answer"),
        pytest.param({"text": "", "status": 500, "content_type": "application/json"}, id="nothing"),
    ],
)
async def test_an_answer_that_is_not_slack_s_may_pass(slack: tuple[Answering, Slack], answer: dict[str, Any]) -> None:
    """A proxy that answers in Slack's place is as good as a Slack that is away."""
    slack[0].answer = web.Response(**answer)
    with pytest.raises(TransientError, match="Slack"):
        await slack[1].say(MESSAGE)


async def test_a_slack_that_is_away_may_pass() -> None:
    """A refused connection is asked again."""
    with pytest.raises(TransientError, match="Slack does not answer"):
        await connect("http://127.0.0.1:9/api/").say(MESSAGE)


@pytest.mark.lab
@pytest.mark.parametrize("occasion", list(Occasion))
async def test_every_message_is_one_that_slack_takes(lab_env: dict[str, Any], occasion: Occasion) -> None:
    """The lab's stand-in checks each call against Slack's published description."""
    chat = connect(lab_env["slack_url"] + "/api/", lab_env["slack_token"])
    message = rollout_message(occasion, "shop/cart", "1.2.0", "<reason> & numbers " * 300, {"a": "b", "c": ""})
    await chat.say(message)
    async with httpx.AsyncClient(trust_env=False) as http:
        posted = (await http.get(f"{lab_env['slack_url']}/-/messages")).json()
    assert any(one["message"].get("text") == message.text for one in posted)
