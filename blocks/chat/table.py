"""The chats that sluice posts to, by `spec.type` of Flagger's AlertProvider. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blocks.chat.base import Chat, ChatAddress
from blocks.chat.slack import Slack
from sluice.errors import InvalidError

CHATS: Mapping[str, Callable[[ChatAddress], Chat]] = {
    "slack": Slack.connect,
}


def chat_for(provider: str, address: ChatAddress) -> Chat:
    """The chat that an AlertProvider's `spec.type` names.

    Raises:
        InvalidError: sluice has no such chat.
    """
    if provider not in CHATS:
        raise InvalidError(f"spec.type {provider!r} is not supported yet; use one of: {', '.join(CHATS)}")
    return CHATS[provider](address)
