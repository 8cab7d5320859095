"""What a login is: something that has a credential now, and can get another one when this one is refused.

Every credential of a managed cluster ends, most of them within the hour: none may be read once and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

AGAIN = 5.0
"""Seconds between two attempts to renew what is refused or cannot be had: hundreds of rollouts ask at the same moment."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request shows the server.

    Attributes:
        header: value of the Authorization header; empty where the connection's certificate says who we are.
        serial: rises with each renewal.
    """

    header: str = ""
    serial: int = 0


class Login(Protocol):
    """One way to log in. What is asked at the same time by many is done once."""

    @property
    def refusal(self) -> str:
        """Whose credentials these are, and the way out where the server refuses the newest of them."""

    async def credential(self) -> Credential:
        """What to show now; renewed before it ends.

        Raises:
            TransientError: there is none now; the message says who should have given it.
            TerminalError: there never will be one as things are set.
        """

    async def renew(self, refused: Credential) -> bool:
        """Get another credential because the server refused this one; whether there is another.

        Raises: as `credential`.
        """

    async def close(self) -> None:
        """End what is under way for it."""
