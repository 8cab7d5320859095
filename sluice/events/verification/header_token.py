"""The secret itself as the whole value of a header of the sender's choice."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.verification.base import Shared, sent


@dataclass(frozen=True, slots=True)
class HeaderToken(Shared):
    """The secret, sent along with each delivery in a header.

    Attributes:
        header: where it is.
    """

    header: str
    reads_body: bool = False
    challenge: str = ""

    @property
    def refusal(self) -> str:
        """Names the header."""
        return f"{self.header}: wrong or missing secret"

    def claims(self, call: Call) -> bool:
        """Whether the header is there."""
        return bool(call.headers.get(self.header))

    def accepts(self, call: Call, secret: str, keys: bytes = b"") -> bool:
        """Whether the header is the secret; the body does not matter."""
        return hmac.compare_digest(sent(call, self.header), secret.encode())
