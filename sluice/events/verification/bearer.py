"""A bearer token in the `Authorization` header (RFC 6750)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.verification.base import Shared, sent


@dataclass(frozen=True, slots=True)
class BearerToken(Shared):
    """The secret itself, sent along with each delivery."""

    reads_body: bool = False
    refusal: str = "Authorization: wrong or missing bearer token"
    challenge: str = "Bearer"

    def claims(self, call: Call) -> bool:
        """Whether there is a token."""
        return call.headers.get("Authorization", "").startswith("Bearer ")

    def accepts(self, call: Call, secret: str, keys: bytes = b"") -> bool:
        """Whether the header has the token; the body does not matter."""
        return hmac.compare_digest(sent(call, "Authorization"), f"Bearer {secret}".encode())
