"""What people are told in chat: one short sentence, and the numbers below it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

LONGEST_TEXT = 2900
"""Slack refuses a section of more than 3,000 characters."""


class Occasion(StrEnum):
    """When people are told something."""

    STARTED = "started"
    GATE_WAITS = "gate waits"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    SUPERSEDED = "superseded"


SIGNS = {
    Occasion.STARTED: ":ship:",
    Occasion.GATE_WAITS: ":hourglass:",
    Occasion.PROMOTED: ":white_check_mark:",
    Occasion.ROLLED_BACK: ":rewind:",
    Occasion.SUPERSEDED: ":fast_forward:",
}


class Message(BaseModel):
    """One message: `text` for notifications, `blocks` (Block Kit) for the channel."""

    model_config = ConfigDict(frozen=True)
    occasion: Occasion
    text: str
    blocks: list[dict[str, Any]]


def rollout_message(
    occasion: Occasion, canary: str, version: str, reason: str = "", facts: dict[str, str] | None = None
) -> Message:
    """A message about one rollout.

    Args:
        canary: `namespace/name`.
        version: what people call the revision.
        reason: why, with the numbers, in one sentence.
        facts: short labelled values, shown in two columns.
    """
    text = f"{canary}@{version} {occasion}" + (f": {reason}" if reason else "")
    head = f"{SIGNS[occasion]} *{_escape(canary)}* `{_escape(version)}` {occasion}"
    body = head + (f"\n{_escape(reason)}" if reason else "")
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": body[:LONGEST_TEXT]}},
    ]
    fields = [{"type": "mrkdwn", "text": f"*{_escape(k)}*\n{_escape(v)}"[:1900]} for k, v in (facts or {}).items() if v]
    if fields:
        blocks.append({"type": "section", "fields": fields[:10]})
    return Message(occasion=occasion, text=text[:LONGEST_TEXT], blocks=blocks)


def _escape(text: str) -> str:
    """Slack's three control characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
