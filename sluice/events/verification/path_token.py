"""The secret as the last part of the address, for senders that can neither sign nor set a header.

It is the weakest way: addresses are kept in the sender's settings and in the logs of proxies. Use a long random one, for
nothing else, and https.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.verification.base import Shared


@dataclass(frozen=True, slots=True)
class PathToken(Shared):
    """A part of the path that only the sender knows."""

    reads_body: bool = False
    refusal: str = "path: its last part is not the secret"
    challenge: str = ""

    def claims(self, call: Call) -> bool:
        """Whether there is one."""
        return bool(call.token)

    def accepts(self, call: Call, secret: str, keys: bytes = b"") -> bool:
        """Whether that part of the path is the secret; the body does not matter."""
        return hmac.compare_digest(call.token.encode(), secret.encode())
