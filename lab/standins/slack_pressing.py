"""What Slack sends when a person presses a button or writes a command, signed as Slack signs it (docs.slack.dev)."""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier

TEAM = "T0LAB"


def press(
    message: Mapping[str, Any], word: str, user: str, *, answer_to: str = "", trigger: str = "1.1", reason: str = ""
) -> bytes:
    """The body of an interaction request: somebody presses the button of that word under a posted message."""
    blocks = message.get("blocks") or []
    buttons = [one for block in blocks if block["type"] == "actions" for one in block["elements"]]
    button = next(one for one in buttons if one["action_id"].rpartition(".")[2] == word)
    fields = [block for block in blocks if block["type"] == "input"]
    values = {block["block_id"]: {block["element"]["action_id"]: {"value": reason or None}} for block in fields}
    payload = {
        "type": "block_actions",
        "user": {"id": user, "username": user.lower(), "team_id": TEAM},
        "team": {"id": TEAM, "domain": "lab"},
        "api_app_id": "A0SLUICE",
        "trigger_id": trigger,
        "response_url": answer_to,
        "container": {"type": "message", "message_ts": message.get("ts", "")},
        "message": dict(message),
        "state": {"values": values},
        "actions": [
            {"type": "button", "action_ts": trigger, **{name: button[name] for name in ("action_id", "value")}}
        ],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def slash(text: str, user: str, *, answer_to: str = "", trigger: str = "2.1") -> bytes:
    """The body of a slash command."""
    fields = {
        "token": "deprecated",
        "team_id": TEAM,
        "user_id": user,
        "command": "/sluice",
        "text": text,
        "response_url": answer_to,
        "trigger_id": trigger,
    }
    return urlencode(fields).encode()


def signed(body: bytes, secret: str, at: float | None = None) -> dict[str, str]:
    """The headers that Slack sends with a body."""
    stamp = str(int(time.time() if at is None else at))
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature or "",
        "Content-Type": "application/x-www-form-urlencoded",
    }
