"""TYPES: the types of Flux's Receiver, each by its row of the senders' table or by a rule of Flux's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.senders.table import SENDERS
from sluice.events.verification.base import Verification
from sluice.events.verification.either import Either
from sluice.events.verification.path_hash import PathHash
from sluice.events.verification.signature import BodySignature

TOKEN = "token"  # noqa: S105 - the key of a Secret
PATH = PathHash()
SIGNED = Either(
    tuple(
        BodySignature(header="X-Signature", prefix=f"{name}=", algorithm=name) for name in ("sha256", "sha512", "sha1")
    )
)
LIMIT = 3 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReceiverType:
    """How a delivery to a Receiver of one type is verified. What is in it does not matter: its resources are asked.

    Attributes:
        verification: how it is proven, besides by its address, which has the token's hash in it.
        event: header that names the event, which `spec.events` may choose by; empty where the type has none.
        limit: bytes of body that are read at most.
        known: keys of the Secret that make up what is compared, with a space between.
    """

    verification: Verification = PATH
    event: str = ""
    limit: int = LIMIT
    known: tuple[str, ...] = (TOKEN,)

    def chosen(self, call: Call, events: tuple[str, ...]) -> bool:
        """Whether a delivery's event is one of those that count."""
        if not events or not self.event:
            return True
        return call.headers.get(self.event, "").lower() in {event.lower() for event in events}


def _row(name: str, event: str = "", known: tuple[str, ...] = (TOKEN,)) -> ReceiverType:
    sender = SENDERS[name]
    return ReceiverType(sender.verification, event, sender.limit, known)


TYPES: Mapping[str, ReceiverType] = {
    "generic": ReceiverType(),
    "generic-hmac": ReceiverType(SIGNED),
    "github": _row("github", "X-GitHub-Event"),
    "gitlab": _row("gitlab", "X-Gitlab-Event"),
    "bitbucket": _row("bitbucket", "X-Event-Key"),
    "harbor": _row("harbor"),
    "dockerhub": ReceiverType(),
    "quay": ReceiverType(),
    "gcr": _row("google", known=("email", "audience")),
    "nexus": _row("nexus"),
    "acr": ReceiverType(),
    "cdevents": ReceiverType(event="Ce-Type"),
}
