"""What every service of feature flags can do."""

from __future__ import annotations

from typing import Protocol

from sluice.flags.flag import Flag, FlagState, Wish


class FlagService(Protocol):
    """The flags of one namespace of one service.

    Every call may raise:
        TransientError: the service is away, slow or overloaded.
        ForbiddenError: it refuses the token; the message never has it.
        InvalidError: what it answers is no answer of such a service, or a file of flags is not valid.
    """

    async def flags(self, environment: str) -> tuple[Flag, ...]:
        """All flags of the namespace with their state in this environment, by key."""

    async def flag(self, key: str, environment: str) -> Flag | None:
        """One flag; None where the service has none of that key."""

    async def turn(self, key: str, environment: str, wish: Wish, seen: FlagState) -> FlagState:
        """Turn a flag in one environment, and give the state that came of it. Where it is so already, nothing is written.

        Args:
            seen: the state that the wish was decided on.

        Raises:
            StaleError: the flag is not as `seen` any more: somebody else turned it. Look and decide again.
            NotFoundError: there is no such flag any more.
            TerminalError: this service cannot do that to this flag, or only gives answers and cannot be written.
        """

    async def archive(self, key: str) -> None:
        """Take the flag out of service in every environment of the connection: nobody asks for it any more. Idempotent.

        Raises:
            TerminalError: this service can only be read.
        """
