"""One of several ways, where a sender's own settings say which of them it takes."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.verification.base import Shared, Verification


@dataclass(frozen=True, slots=True)
class Either(Shared):
    """Proven if it is so in one of the ways. All of them rest on the one secret, and none is weaker than sending it.

    Attributes:
        ways: those that the sender may take.
    """

    ways: tuple[Verification, ...]
    challenge: str = ""

    @property
    def reads_body(self) -> bool:
        """Whether one of them covers the body."""
        return any(way.reads_body for way in self.ways)

    @property
    def refusal(self) -> str:
        """Names what each of them wants, once."""
        return "; or ".join(dict.fromkeys(way.refusal for way in self.ways))

    def claims(self, call: Call) -> bool:
        """Whether it claims one of them."""
        return any(way.claims(call) for way in self.ways)

    def accepts(self, call: Call, secret: str, keys: bytes = b"") -> bool:
        """Whether one of them accepts it."""
        return any(way.accepts(call, secret, keys) for way in self.ways)
