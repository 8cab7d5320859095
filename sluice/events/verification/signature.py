"""A signature of the body: HMAC (RFC 2104) with SHA-256, in hexadecimal, in a header of the sender's choice."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BodySignature:
    """The secret never travels: the sender signs the raw body with it.

    Attributes:
        header: where the signature is.
        prefix: what stands before its hexadecimal digits, such as `sha256=`.
    """

    header: str
    prefix: str = ""
    reads_body: bool = True
    challenge: str = ""

    @property
    def refusal(self) -> str:
        """Names the header."""
        return f"{self.header}: wrong or missing signature of the body"

    def claims(self, headers: Mapping[str, str]) -> bool:
        """Whether the header has what a signature looks like."""
        given = headers.get(self.header, "")
        return given.startswith(self.prefix) and len(given) == len(self.prefix) + 2 * hashlib.sha256().digest_size

    def accepts(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Whether the header has the signature of exactly this body."""
        wanted = self.prefix + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(headers.get(self.header, "").encode(), wanted.encode())
