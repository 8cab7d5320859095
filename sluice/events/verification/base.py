"""What every way to verify a delivery can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Verification(Protocol):
    """Knows from headers and body whether a delivery comes from somebody who has the secret.

    Secrets are compared in constant time: the answer's delay says nothing about how much of a guess was right.

    Attributes:
        reads_body: whether the proof covers the body. If not, the body of an unproven delivery is never read.
        refusal: what a sender without the proof is answered: names the header.
        challenge: value of the answer's `WWW-Authenticate` header; empty for none.
    """

    @property
    def reads_body(self) -> bool: ...

    @property
    def refusal(self) -> str: ...

    @property
    def challenge(self) -> str: ...

    def claims(self, headers: Mapping[str, str]) -> bool:
        """Whether the headers have a proof at all: the body of a delivery without one is never read."""

    def accepts(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Whether the delivery is proven.

        Args:
            headers: of the request; a name is found in whatever case it is written.
            body: as it came; empty where `reads_body` is false.
            secret: what the installation and the sender share; never empty.
        """
