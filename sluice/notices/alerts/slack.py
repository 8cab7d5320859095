"""Slack and what reads its attachments: incoming webhooks, `chat.postMessage`, Rocket.Chat, Mattermost, Discord.

Forms: docs.slack.dev (attachments, chat.postMessage), docs.rocket.chat (incoming webhooks), docs.discord.com (execute
Slack-compatible webhook).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import SecretStr

from sluice.notices.alerts.base import Object, Post, Request

COLOURS = {"info": "good", "error": "danger"}


@dataclass(frozen=True, slots=True)
class Attachments:
    """A message with one attachment.

    Attributes:
        suffix: of the address by which the side takes this form.
    """

    suffix: str = ""

    def request(self, post: Post) -> Request:
        """A message: the object, what happened, and what is said along with it."""
        token = post.token.get_secret_value()
        address = post.address.get_secret_value()
        if self.suffix and not address.endswith(self.suffix):
            address = address.rstrip("/") + self.suffix
        body: Object = {"username": post.username or "sluice", "attachments": [_attachment(post)]}
        if post.channel:
            body["channel"] = post.channel
        return Request(SecretStr(address), body, {"Authorization": f"Bearer {token}"} if token else {})

    def refusal(self, text: str) -> str:
        """Slack's API says with status 200 that it refuses."""
        try:
            answer = json.loads(text)
        except ValueError:
            return ""
        refused = isinstance(answer, dict) and answer.get("ok") is False
        return str(answer.get("error") or "no reason given") if refused else ""


def _attachment(post: Post) -> Object:
    return {
        "color": COLOURS[post.happened.severity],
        "author_name": post.happened.title,
        "text": post.happened.message,
        "mrkdwn_in": ["text"],
        "fields": [{"title": key, "value": value, "short": False} for key, value in post.metadata.items()],
    }
