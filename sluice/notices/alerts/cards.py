"""Cards: Microsoft Teams (Adaptive Card by a workflow's webhook) and Google Chat (text by an incoming webhook).

Forms: learn.microsoft.com (adaptive cards in incoming webhooks), developers.google.com/workspace/chat (webhooks).
"""

from __future__ import annotations

from dataclasses import dataclass

from sluice.notices.alerts.base import Object, Post, Request

CARD = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
COLOURS = {"info": "Good", "error": "Attention"}


@dataclass(frozen=True, slots=True)
class Teams:
    """An Adaptive Card."""

    def request(self, post: Post) -> Request:
        """A card: the object, what happened, and what is said along with it."""
        happened = post.happened
        facts = [{"title": key, "value": value} for key, value in post.metadata.items()]
        parts: list[Object] = [
            {"type": "TextBlock", "text": happened.title, "weight": "bolder", "color": COLOURS[happened.severity]},
            {"type": "TextBlock", "text": happened.message, "wrap": True},
            *([{"type": "FactSet", "facts": facts}] if facts else []),
        ]
        card = {"type": "AdaptiveCard", "$schema": SCHEMA, "version": "1.4", "body": parts}
        return Request(post.address, {"type": "message", "attachments": [{"contentType": CARD, "content": card}]})

    def refusal(self, _text: str) -> str:
        """Nothing but the status counts."""
        return ""


@dataclass(frozen=True, slots=True)
class GoogleChat:
    """A message of text."""

    def request(self, post: Post) -> Request:
        """A message: the object, what happened, and what is said along with it."""
        said = "".join(f"\n{key}: {value}" for key, value in post.metadata.items())
        return Request(post.address, {"text": f"*{post.happened.title}*\n{post.happened.message}{said}"})

    def refusal(self, _text: str) -> str:
        """Nothing but the status counts."""
        return ""
