"""What every chat can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from sluice.notices.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAddress:
    """Where messages go. Which of these a chat needs is its own affair.

    Attributes:
        token: to get in.
        channel: the channel's name.
        url: of the chat's API; empty for the public one.
    """

    token: SecretStr
    channel: str
    url: str = ""


class Chat(Protocol):
    """One channel that people read."""

    async def say(self, message: Message) -> str:
        """Post a message. One that is too long for the chat is cut, never refused.

        Returns:
            What the chat knows it by, for `change`; empty where it cannot be changed.

        Raises:
            TransientError: the chat is away or asks to wait.
            TerminalError: it refuses the message or the token; the error says which, and never has the token in it.
        """

    async def change(self, posted: str, message: Message) -> None:
        """Let a message say something else from now on.

        Args:
            posted: what `say` returned.
            message: what it is to say.

        Raises:
            NotFoundError: somebody has deleted it.
            TransientError, TerminalError: as `say`.
        """
