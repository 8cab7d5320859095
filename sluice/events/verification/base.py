"""What every way to verify a delivery can do."""

from __future__ import annotations

from typing import Protocol

from sluice.events.call import Call

DISCOVERY = "/.well-known/openid-configuration"
"""What a `keys_at` ends with that names no keys, but the document which says where an OpenID Connect issuer has them."""


class Verification(Protocol):
    """Knows from a call whether it comes from somebody who has the secret, or the private key.

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

    def claims(self, call: Call) -> bool:
        """Whether there is a proof at all: the body of a delivery without one is never read."""

    def keys_at(self, call: Call) -> str:
        """Where the sender publishes the keys that this proof is checked with; empty where the secret alone is enough.

        Raises:
            InvalidError: the delivery names a place that is not the sender's. Nothing is fetched from there.
        """

    def accepts(self, call: Call, secret: str, keys: bytes = b"") -> bool:
        """Whether the delivery is proven.

        Args:
            call: with its body where `reads_body` is true.
            secret: what the installation and the sender share, or what the installation knows of it; never empty.
            keys: what was found where `keys_at` says.

        Raises:
            ForbiddenError: the sender is who it says, and may not do this.
        """


def sent(call: Call, header: str) -> bytes:
    """The bytes of a header as they came: a server reads them as Latin-1, and a secret may be in any script."""
    value = call.headers.get(header, "")
    return value.encode("latin-1") if all(ord(char) < 256 for char in value) else value.encode()


class Shared:
    """Base of the ways that need nothing but the shared secret."""

    __slots__ = ()

    def keys_at(self, call: Call) -> str:
        """No keys of the sender's are needed."""
        return ""
