"""A token that our own cluster makes for one of its service accounts, for another cluster that trusts ours (TokenRequest).

That is Flux's provider `generic`: no secret is stored anywhere, and each token ends within the hour.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from blocks.kubernetes.logins.base import AGAIN, Credential
from sluice.errors import TransientError

SECONDS = 3600
Call = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(slots=True)
class RequestedToken:
    """The login by requested tokens.

    Attributes:
        ask: makes a TokenRequest of this body, and gives the answer.
        audiences: who takes the token.
        who: whose it is, for messages.
        clock: seconds since the epoch, on which tokens end.
    """

    ask: Call
    audiences: tuple[str, ...]
    who: str
    clock: Callable[[], float] = time.time
    _credential: Credential = field(default_factory=Credential)
    _due: float = 0.0
    _asked_at: float = float("-inf")
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def refusal(self) -> str:
        audiences = ", ".join(self.audiences)
        return f"the token of {self.who} for {audiences} is refused: that cluster has to trust this one's issuer"

    async def credential(self) -> Credential:
        async with self._turn:
            if self.clock() >= self._due:
                await self._request()
            return self._credential

    async def renew(self, refused: Credential) -> bool:
        async with self._turn:
            if refused == self._credential and self.clock() - self._asked_at >= AGAIN:
                await self._request()
            return self._credential != refused

    async def close(self) -> None:
        """Nothing is under way."""

    async def _request(self) -> None:
        now = self._asked_at = self.clock()
        answer = await self.ask({"spec": {"audiences": list(self.audiences), "expirationSeconds": SECONDS}})
        status = answer.get("status") or {}
        try:
            token, end = str(status["token"]), datetime.fromisoformat(str(status["expirationTimestamp"])).timestamp()
        except (KeyError, ValueError):
            raise TransientError(f"the cluster gave no token for {self.who}") from None
        # Four fifths of its life, as the kubelet does it.
        self._due = now + max(0.0, end - now) * 0.8
        self._credential = Credential(f"Bearer {token}", self._credential.serial + 1)
