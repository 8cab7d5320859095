"""A bearer token in the `Authorization` header (RFC 6750)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BearerToken:
    """The secret itself, sent along with each delivery."""

    reads_body: bool = False
    refusal: str = "Authorization: wrong or missing bearer token"
    challenge: str = "Bearer"

    def claims(self, headers: Mapping[str, str]) -> bool:
        """Whether there is a token."""
        return headers.get("Authorization", "").startswith("Bearer ")

    def accepts(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Whether the header has the token; the body does not matter."""
        return hmac.compare_digest(headers.get("Authorization", "").encode(), f"Bearer {secret}".encode())
