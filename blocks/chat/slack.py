"""Slack by its Web API (docs.slack.dev, chat.postMessage)."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from blocks.chat.base import ChatAddress
from blocks.chat.slack_blocks import blocks
from blocks.waits import retry_after
from sluice.errors import NotFoundError, TerminalError, TransientError
from sluice.notices.message import Message

TEMPORARY = {"ratelimited", "service_unavailable", "internal_error", "fatal_error", "request_timeout"}

GONE = {"message_not_found", "cant_update_message", "edit_window_closed"}
"""A message that cannot be changed any more: another one takes its place."""


@dataclass(frozen=True, slots=True)
class Slack:
    """One channel of one workspace."""

    client: AsyncWebClient
    channel: str

    @classmethod
    def connect(cls, address: ChatAddress) -> Slack:
        """With a bot token; the address's `url` is for a proxy or a stand-in."""
        where: dict[str, Any] = {"base_url": address.url} if address.url else {}
        return cls(AsyncWebClient(token=address.token.get_secret_value(), timeout=10, **where), address.channel)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"Slack channel {self.channel}"

    async def ping(self) -> str:
        """As whom Slack knows the token. Whether it may post to the channel only a message would tell."""
        answer = await self._answer("say who we are", self.client.auth_test())
        return f"Slack knows us as {answer.get('user')} of {answer.get('team')}"

    async def say(self, message: Message) -> str:
        """Post a message; returns its channel's id and its timestamp.

        Raises:
            TransientError: Slack is away or asks to wait.
            TerminalError: Slack refuses the message or the token; the message says which.
        """
        posting = self.client.chat_postMessage(
            channel=self.channel, text=message.text, blocks=blocks(message), unfurl_links=False
        )
        answer = await self._answer(f"post to {self.channel}", posting)
        return f"{answer.get('channel')}:{answer.get('ts')}" if answer.get("ts") else ""

    async def change(self, posted: str, message: Message) -> None:
        """Let a message say something else.

        Raises:
            NotFoundError: somebody has deleted it.
            TransientError, TerminalError: as `say`.
        """
        channel, _, ts = posted.partition(":")
        changing = self.client.chat_update(channel=channel, ts=ts, text=message.text, blocks=blocks(message))
        await self._answer(f"change a message in {self.channel}", changing)

    async def call(self, act: str, method: str, **given: str) -> Mapping[str, Any]:
        """Call a method of the Web API that only reads.

        Args:
            act: what it is to do, for people.
            method: name of it, such as `users.info`.
            given: its arguments.

        Raises:
            TransientError, TerminalError: as `say`.
        """
        answer = await self._answer(act, self.client.api_call(method, http_verb="GET", params=given))
        return answer.data if isinstance(answer.data, dict) else {}

    async def whisper(self, url: str, text: str) -> None:
        """Say something to the one person whose press or command had this `response_url`.

        Raises:
            TransientError: Slack does not take it.
        """
        to = AsyncWebhookClient(url, timeout=10)
        try:
            answer = await to.send(text=text, response_type="ephemeral", replace_original=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(f"Slack does not answer: {error!r}") from error
        if answer.status_code != 200:
            raise TransientError(f"Slack refuses to say something to one person: status {answer.status_code}")

    async def _answer(self, act: str, asked: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
        try:
            return await asked
        except SlackApiError as error:
            if not isinstance(error.response, AsyncSlackResponse):
                # The client's raw response: what came was not Slack's answer but, say, a proxy's page.
                raise TransientError(f"Slack gave no usable answer: {error}") from error
            code = error.response.get("error") or f"status {error.response.status_code}"
            if code in TEMPORARY or error.response.status_code >= 500:
                raise TransientError(
                    f"Slack cannot {act} now: {code}", retry_after=retry_after(error.response.headers)
                ) from error
            wrong = NotFoundError if code in GONE else TerminalError
            raise wrong(f"Slack refuses to {act}: {code}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(f"Slack does not answer: {error!r}") from error
