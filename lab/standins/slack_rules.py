"""What Slack accepts in a message: which arguments, which blocks, how long.

Slack's OpenAPI description is not part of any package that can be installed here, so two published descriptions by
Slack itself are used instead, both from its Python SDK:

- a method's arguments are the parameters of the SDK's method of that name;
- a block is what the SDK's Block Kit models parse, hold valid, and give back unchanged. What they drop or alter on
  the way (an unknown field, a text that is a bare string, an empty text) is something Slack does not know.

The SDK does not state a few limits that Slack's reference does; they are in this file, next to the rule they make.
In one way this is stricter than Slack: an unknown argument is refused, where Slack ignores it, because in a program
of one's own it is a slip.
"""

import inspect
import logging
from collections.abc import Mapping
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

MAX_BLOCKS = 50
MAX_TEXT = 40_000
NOT_ARGUMENTS = {"self", "kwargs"}
ARGUMENTS_EVERYWHERE = {"token"}
CONTEXT_ELEMENTS = {"image", "mrkdwn", "plain_text"}

# The models log every unknown field as a warning; here it becomes a refusal.
logging.getLogger("slack_sdk").setLevel(logging.ERROR)


class RefusedError(Exception):
    """Slack would answer this call with ``{"ok": false, "error": code}``."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail


def check_arguments(method: str, given: Mapping[str, Any], required: tuple[str, ...] = ()) -> None:
    """Refuse arguments that the SDK's method of this name does not have, and required ones that are missing."""
    parameters = set(inspect.signature(getattr(WebClient, method.replace(".", "_"))).parameters)
    unknown = set(given) - (parameters - NOT_ARGUMENTS) - ARGUMENTS_EVERYWHERE
    if unknown:
        raise RefusedError("invalid_arguments", f"unknown argument: {', '.join(sorted(unknown))}")
    for name in required:
        if not given.get(name):
            raise RefusedError("invalid_arguments", f"[ERROR] missing required field: {name}")
        if not isinstance(given[name], str):
            raise RefusedError("invalid_arguments", f"[ERROR] must be a string: {name}")


def check_content(message: Mapping[str, Any]) -> None:
    """Refuse a message that shows nothing, is too long, or holds blocks that Slack does not know."""
    text = message.get("text")
    if text is not None and not isinstance(text, str):
        raise RefusedError("invalid_arguments", "[ERROR] must be a string: text")
    if not any(message.get(name) for name in ("text", "blocks", "attachments", "markdown_text")):
        raise RefusedError("no_text")
    if text and len(text) > MAX_TEXT:
        raise RefusedError("msg_too_long", f"{len(text)} characters of at most {MAX_TEXT}")
    if message.get("blocks") is not None:
        check_blocks(message["blocks"])
    for attachment in message.get("attachments") or []:
        if isinstance(attachment, Mapping) and attachment.get("blocks") is not None:
            check_blocks(attachment["blocks"])


def check_blocks(blocks: Any) -> None:
    """Refuse blocks unless each is one that Slack's own models hold valid and give back as it was."""
    if not isinstance(blocks, list):
        raise RefusedError("invalid_blocks_format", "blocks must be an array")
    if len(blocks) > MAX_BLOCKS:
        raise RefusedError("invalid_blocks", f"no more than {MAX_BLOCKS} items allowed [json-pointer:/blocks]")
    for index, block in enumerate(blocks):
        problem = block_problem(block)
        if problem:
            raise RefusedError("invalid_blocks", f"{problem} [json-pointer:/blocks/{index}]")


def block_problem(block: Any) -> str | None:
    """Why Slack would not take this block, or nothing."""
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return "a block is an object with a type"
    try:
        parsed = Block.parse(block)
        known = parsed.to_dict() if parsed else None
    except SlackObjectFormationError as error:
        return str(error)
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        return f"not a valid {block['type']} block: {error}"
    if known is None:
        return f"unsupported type: {block['type']}"
    if known != block:
        return f"not a valid {block['type']} block: it has fields or elements that Slack does not know"
    return _beyond_the_models(block)


def _beyond_the_models(block: dict[str, Any]) -> str | None:
    """Rules of Slack's block reference that its Python models leave out."""
    if block["type"] == "header" and block["text"].get("type") != "plain_text":
        return "the text of a header must be plain_text"
    if block["type"] == "context":
        wrong = {element.get("type") for element in block["elements"]} - CONTEXT_ELEMENTS
        if wrong:
            return f"unsupported type in a context block: {', '.join(sorted(map(str, wrong)))}"
    for element in block.get("elements", []) if block["type"] == "actions" else []:
        if element.get("type") == "button" and element.get("text", {}).get("type") != "plain_text":
            return "the text of a button must be plain_text"
    return None
