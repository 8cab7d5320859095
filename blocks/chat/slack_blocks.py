"""A message in Slack's Block Kit (docs.slack.dev/block-kit): one section to read, one with the facts in two columns."""

from __future__ import annotations

from typing import Any

from sluice.notices.message import Choice, Message, Occasion

LONGEST_SECTION, LONGEST_FIELD, MOST_FIELDS = 2900, 1900, 10
"""Slack refuses a section of more than 3,000 characters, a field of more than 2,000, and an eleventh field."""
SIGNS = {
    Occasion.STARTED: ":ship:",
    Occasion.GATE_WAITS: ":hourglass:",
    Occasion.GATE_OPEN: ":unlock:",
    Occasion.GATE_REFUSED: ":lock:",
    Occasion.GATE_LEFT: ":heavy_minus_sign:",
    Occasion.FLAGS_OFF: ":electric_plug:",
    Occasion.RECOVERED: ":adhesive_bandage:",
    Occasion.PROMOTED: ":white_check_mark:",
    Occasion.ROLLED_BACK: ":rewind:",
    Occasion.SUPERSEDED: ":fast_forward:",
    Occasion.STALLED: ":rotating_light:",
    Occasion.KEPT_OUT: ":no_entry:",
    Occasion.DRIFTED: ":pencil2:",
    Occasion.CONTESTED: ":crossed_swords:",
    Occasion.AUDITED: ":broom:",
    Occasion.RAISED: ":checkered_flag:",
    Occasion.LOWERED: ":leftwards_arrow_with_hook:",
    Occasion.LEFT: ":raised_hand:",
    Occasion.SENT_HOME: ":rewind:",
    Occasion.DEPARTED: ":bell:",
    Occasion.ARRIVED: ":checkered_flag:",
    Occasion.RETURNING: ":arrow_left:",
    Occasion.RETURNED: ":house:",
}
ACTION = "sluice."
"""What the ids of our buttons begin with."""
REASON = "sluice.reason"
"""Id of the field for the reason."""
Block = dict[str, Any]


def blocks(message: Message) -> list[Block]:
    """The message as blocks; what is too long for Slack is cut."""
    head = f"{SIGNS[message.occasion]} *{_escape(message.subject)}* `{_escape(message.version)}` {message.occasion}"
    body = head + (f"\n{_escape(message.reason)}" if message.reason else "")
    made: list[Block] = [{"type": "section", "text": _markdown(body[:LONGEST_SECTION])}]
    facts = [f"*{_escape(name)}*\n{_escape(value)}" for name, value in message.facts.items() if value]
    if facts:
        fields = [_markdown(fact[:LONGEST_FIELD]) for fact in facts[:MOST_FIELDS]]
        made.append({"type": "section", "fields": fields})
    if message.choices:
        made.append(_reason())
        made.append({"type": "actions", "elements": [_button(choice) for choice in message.choices]})
    # Half a link leads nowhere: one that is too long is left out.
    link = f"<{_escape(message.link)}|details>"
    if message.link and len(link) <= LONGEST_FIELD:
        made.append({"type": "context", "elements": [_markdown(link)]})
    return made


def _reason() -> Block:
    """Where people may say why, next to the buttons."""
    return {
        "type": "input",
        "block_id": REASON,
        "optional": True,
        "element": {"type": "plain_text_input", "action_id": REASON, "max_length": 1000},
        "label": {"type": "plain_text", "text": "Reason"},
    }


def _button(choice: Choice) -> Block:
    """A button; what stops something is red."""
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": choice.word.capitalize()},
        "action_id": f"{ACTION}{choice.word}",
        "value": choice.value,
        "style": "danger" if choice.stops else "primary",
    }


def _markdown(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def _escape(text: str) -> str:
    """Slack's three control characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
