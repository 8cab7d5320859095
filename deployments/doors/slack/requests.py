"""What Slack sends: a press of a button, or a command, as it reads after the signature was found to be true."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from blocks.chat.slack_blocks import ACTION, REASON
from sluice.errors import InvalidError

PRESS = "block_actions"
MOST_FIELDS = 60


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody asked for.

    Attributes:
        user, team: ids of the person and of the workspace that they are of.
        answer_to: address at which this person can be answered; empty for nowhere.
        trigger: what Slack calls this one press or command.
        text: of a command, or the value of a button.
        word: what is on the button; empty for a command.
        reason: what was written next to the button.
    """

    user: str
    team: str
    answer_to: str
    trigger: str
    text: str
    word: str = ""
    reason: str = ""


def pressed(body: bytes) -> Asking | None:
    """The press of one of our buttons; None where the request is about something else.

    Raises:
        InvalidError: it is not what Slack sends.
    """
    try:
        payload = json.loads(_fields(body).get("payload", ""))
        if payload["type"] != PRESS:
            return None
        action = next((one for one in payload["actions"] if str(one.get("action_id", "")).startswith(ACTION)), None)
        if action is None:
            return None
        user = payload["user"]
        return Asking(
            user=str(user["id"]),
            team=str(user.get("team_id") or (payload.get("team") or {}).get("id") or ""),
            answer_to=str(payload.get("response_url") or ""),
            trigger=f"{payload.get('trigger_id', '')}:{action.get('action_ts', '')}",
            text=str(action.get("value") or ""),
            word=str(action["action_id"]).removeprefix(ACTION),
            reason=_reason(payload),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidError(f"payload: not an interaction of Slack's ({type(error).__name__})") from error


def commanded(body: bytes) -> Asking | None:
    """A slash command; None where Slack only looks whether somebody is here.

    Raises:
        InvalidError: it is not what Slack sends.
    """
    fields = _fields(body)
    if fields.get("ssl_check"):
        return None
    if not fields.get("user_id"):
        raise InvalidError("user_id: missing: this is no command of Slack's")
    return Asking(
        user=fields["user_id"],
        team=fields.get("team_id", ""),
        answer_to=fields.get("response_url", ""),
        trigger=fields.get("trigger_id", ""),
        text=fields.get("text", ""),
    )


def _fields(body: bytes) -> dict[str, str]:
    try:
        found = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise InvalidError(f"body: not a form ({error})") from error
    return {name: values[-1] for name, values in found.items()}


def _reason(payload: dict[str, Any]) -> str:
    """What is in the field for the reason."""
    values = (payload.get("state") or {}).get("values") or {}
    return str(((values.get(REASON) or {}).get(REASON) or {}).get("value") or "")[:1000]
