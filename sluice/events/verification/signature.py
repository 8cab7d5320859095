"""A signature of the body: HMAC (RFC 2104), in hexadecimal, in a header of the sender's choice."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.verification.base import Shared


@dataclass(frozen=True, slots=True)
class BodySignature(Shared):
    """The secret never travels: the sender signs the raw body with it.

    Attributes:
        header: where the signature is.
        prefix: what stands before its hexadecimal digits, such as `sha256=`.
        algorithm: hash that it is made with, by Python's name for it.
    """

    header: str
    prefix: str = ""
    algorithm: str = "sha256"
    reads_body: bool = True
    challenge: str = ""

    @property
    def refusal(self) -> str:
        """Names the header."""
        return f"{self.header}: wrong or missing signature of the body"

    def claims(self, call: Call) -> bool:
        """Whether the header has what a signature looks like."""
        given = call.headers.get(self.header, "")
        digits = 2 * hashlib.new(self.algorithm, usedforsecurity=False).digest_size
        return given.startswith(self.prefix) and len(given) == len(self.prefix) + digits

    def accepts(self, call: Call, secret: str, keys: bytes = b"") -> bool:
        """Whether the header has the signature of exactly this body."""
        wanted = self.prefix + hmac.new(secret.encode(), call.body, self.algorithm).hexdigest()
        return hmac.compare_digest(call.headers.get(self.header, "").encode(), wanted.encode())
