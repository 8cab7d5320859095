"""What a kubeconfig itself says of a user: a token, a password, a certificate, or a login at an identity provider.

It is as good as the file: where the server refuses it, the file is read again, because a new login rewrites it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from blocks.kubernetes.logins.base import AGAIN, Credential


@dataclass(slots=True)
class KubeconfigUser:
    """The login by what a kubeconfig has.

    Attributes:
        who: the user and the file, for messages.
        said: what the file says: the Authorization header, and what tells its client certificate from others.
        read: reads the file again, and uses its certificate from now on; gives the same two.
        clock: seconds.
    """

    who: str
    said: tuple[str, str]
    read: Callable[[], Awaitable[tuple[str, str]]]
    clock: Callable[[], float] = time.monotonic
    _serial: int = 0
    _read_at: float = float("-inf")

    @property
    def refusal(self) -> str:
        return f"{self.who} is refused: log in again, or name another with SLUICE_KUBECONFIG and SLUICE_CONTEXT"

    async def credential(self) -> Credential:
        return Credential(self.said[0], self._serial)

    async def renew(self, refused: Credential) -> bool:
        if refused.serial == self._serial and self.clock() - self._read_at >= AGAIN:
            self._read_at = self.clock()
            said = await self.read()
            if said != self.said:
                self.said, self._serial = said, self._serial + 1
        return refused.serial != self._serial

    async def close(self) -> None:
        """Nothing is under way."""
