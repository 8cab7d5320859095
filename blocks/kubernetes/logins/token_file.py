"""A token in a file that somebody else replaces: a pod's service account, or `tokenFile` of a kubeconfig.

The kubelet writes a new token long before the old one ends, so reading the file once a minute, as client-go does, is
enough; one that is refused is read again at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from blocks.kubernetes.logins.base import Credential
from sluice.errors import TransientError

PERIOD = 60.0
"""Seconds after which the file is read again."""


@dataclass(slots=True)
class TokenFile:
    """The login by a token file.

    Attributes:
        path: the file.
        who: whose token it is, for messages.
        clock: seconds.
    """

    path: Path
    who: str
    clock: Callable[[], float] = time.monotonic
    _credential: Credential = field(default_factory=Credential)
    _read_at: float = float("-inf")

    @property
    def refusal(self) -> str:
        return f"the token of {self.who} in {self.path} is refused: nobody replaces it, or it is another cluster's"

    async def credential(self) -> Credential:
        if self.clock() - self._read_at >= PERIOD:
            self._read()
        return self._credential

    async def renew(self, refused: Credential) -> bool:
        self._read()
        return self._credential != refused

    async def close(self) -> None:
        """Nothing is under way."""

    def _read(self) -> None:
        try:
            token = self.path.read_text().strip()
        except OSError as error:
            token, why = "", error.strerror or "cannot be read"
        else:
            why = "is empty"
        if token:
            self._read_at = self.clock()
            if (header := f"Bearer {token}") != self._credential.header:
                self._credential = Credential(header, self._credential.serial + 1)
        elif not self._credential.header:
            raise TransientError(f"the token file {self.path} of {self.who} {why}")
