"""Slack's signature (docs.slack.dev, "Verifying requests from Slack"), and requests that come a second time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from slack_sdk.signature import SignatureVerifier

from sluice.events.call import Call
from sluice.events.verification.base import Shared
from sluice.recent import Recent

SIGNATURE, TIMESTAMP = "X-Slack-Signature", "X-Slack-Request-Timestamp"
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
MOST = 50_000
"""Signatures that are remembered: many more than a workspace makes in the five minutes for which one is good."""


class _Clock:
    """The clock that the verifier asks."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now()


@dataclass(frozen=True, slots=True)
class SlackSignature(Shared):
    """Slack signs timestamp and body with the signing secret of the app; the body is good for five minutes.

    Attributes:
        now: seconds since the epoch.
        seen: the signatures that were used.
    """

    now: Callable[[], float] = time.time
    seen: Recent[str, bool] = field(default_factory=lambda: Recent(MOST))
    reads_body: bool = True
    challenge: str = ""
    refusal: str = f"{SIGNATURE}: wrong, missing, or older than five minutes: see SLUICE_SLACK_SIGNING_SECRET"

    def claims(self, call: Call) -> bool:
        """Whether the headers have what a signature and a time look like."""
        signature, timestamp = call.headers.get(SIGNATURE, ""), call.headers.get(TIMESTAMP, "")
        return bool(_SIGNATURE.fullmatch(signature) and _TIMESTAMP.fullmatch(timestamp))

    def accepts(self, call: Call, secret: str, keys: bytes = b"") -> bool:
        """Whether Slack has signed it, and not long ago."""
        if not self.claims(call):
            return False
        verifier = SignatureVerifier(secret, _Clock(self.now))
        try:
            return bool(verifier.is_valid(call.body, call.headers[TIMESTAMP], call.headers[SIGNATURE]))
        except UnicodeDecodeError:
            return False  # Slack sends UTF-8

    def replayed(self, call: Call) -> bool:
        """Whether this very request was here before; asked once for each."""
        signature = call.headers[SIGNATURE]
        before = signature in self.seen
        self.seen[signature] = True
        return before
