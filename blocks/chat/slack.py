"""Slack by its Web API (docs.slack.dev, chat.postMessage)."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from blocks.chat.base import ChatAddress
from blocks.chat.slack_blocks import blocks
from blocks.waits import retry_after
from sluice.errors import TerminalError, TransientError
from sluice.notices.message import Message

TEMPORARY = {"ratelimited", "service_unavailable", "internal_error", "fatal_error", "request_timeout"}


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

    async def say(self, message: Message) -> None:
        """Post a message.

        Raises:
            TransientError: Slack is away or asks to wait.
            TerminalError: Slack refuses the message or the token; the message says which.
        """
        posting = self.client.chat_postMessage(
            channel=self.channel, text=message.text, blocks=blocks(message), unfurl_links=False
        )
        await self._answer(f"post to {self.channel}", posting)

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
            raise TerminalError(f"Slack refuses to {act}: {code}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(f"Slack does not answer: {error!r}") from error
