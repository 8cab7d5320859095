"""A connection that can say whether it works, for people who set an installation up or wonder what is wrong with it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Pinged(Protocol):
    """Something outside that sluice needs. Asking it changes nothing there."""

    @property
    def name(self) -> str:
        """What it is and where, without secrets."""

    async def ping(self) -> str:
        """What answered, in a few words.

        Raises:
            TransientError: it is away, slow or overloaded.
            TerminalError: it refuses us, or is not what it should be; the message says what.
        """
