"""An address that nobody can guess: it is made of a secret, and has been looked up by the time that anybody asks here."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.verification.base import Shared


@dataclass(frozen=True, slots=True)
class PathHash(Shared):
    """The hash of a secret in the path, as Flux's Receivers have it; a wrong one is no address at all."""

    reads_body: bool = False
    refusal: str = "path: no Receiver has this address"
    challenge: str = ""

    def claims(self, call: Call) -> bool:
        """Whether the path has one."""
        return bool(call.token)

    def accepts(self, call: Call, secret: str, keys: bytes = b"") -> bool:
        """Whether the path has one: whose it is was looked up."""
        return bool(call.token)
