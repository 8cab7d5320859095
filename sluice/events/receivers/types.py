"""TYPES: the types of Flux's Receiver, each by its row of the senders' table or by a rule of Flux's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.events.call import Call
from sluice.events.senders.base import body_of
from sluice.events.senders.registries.google import published
from sluice.events.senders.table import SENDERS
from sluice.events.verification.base import Verification
from sluice.events.verification.either import Either
from sluice.events.verification.oidc_token import OidcToken, claims_of
from sluice.events.verification.path_hash import PathHash
from sluice.events.verification.signature import BodySignature

OIDC = "generic-oidc"
"""The type whose senders need no Secret: what they prove themselves by is in `spec.oidcProviders`."""
TOKEN = "token"  # noqa: S105 - the key of a Secret
PATH = PathHash()
SIGNED = Either(
    tuple(
        BodySignature(header="X-Signature", prefix=f"{name}=", algorithm=name) for name in ("sha256", "sha512", "sha1")
    )
)
LIMIT = 3 * 1024 * 1024


def in_json(call: Call) -> Mapping[str, Any]:
    """The body where it is said to be JSON; nothing of any other.

    Raises:
        InvalidError: it is said to be JSON, and is no object in it.
    """
    if "json" not in call.headers.get("Content-Type", ""):
        return {}
    body: Mapping[str, Any] = body_of(call).value
    return body


def of_google(call: Call) -> Mapping[str, Any]:
    """What a registry published, without what Pub/Sub puts around it."""
    event = published(call)[0].value
    return event if isinstance(event, Mapping) else {}


@dataclass(frozen=True, slots=True)
class ReceiverType:
    """How a delivery to a Receiver of one type is verified. What is in it matters to filters only: its resources are asked.

    Attributes:
        verification: how it is proven, besides by its address, which has the token's hash in it.
        event: header that names the event, which `spec.events` may choose by; empty where the type has none.
        limit: bytes of body that are read at most.
        known: keys of the Secret that make up what is compared, with a space between.
        request: what filters see of a delivery as `req`.
        claims: what they see of its proof as `claims`; None where its type has none.
    """

    verification: Verification = PATH
    event: str = ""
    limit: int = LIMIT
    known: tuple[str, ...] = (TOKEN,)
    request: Callable[[Call], Mapping[str, Any]] = in_json
    claims: Callable[[Call], Mapping[str, Any]] | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """What filters see: an object's metadata, the body, and what the proof says."""
        return ("res", "req", *(("claims",) if self.claims else ()))

    def seen(self, call: Call) -> Mapping[str, Any]:
        """What filters see of a delivery."""
        return {"req": self.request(call), **({"claims": self.claims(call)} if self.claims else {})}

    def chosen(self, call: Call, events: tuple[str, ...]) -> bool:
        """Whether a delivery's event is one of those that count."""
        if not events or not self.event:
            return True
        return call.headers.get(self.event, "").lower() in {event.lower() for event in events}


def _row(name: str, event: str = "") -> ReceiverType:
    sender = SENDERS[name]
    return ReceiverType(sender.verification, event, sender.limit)


TYPES: Mapping[str, ReceiverType] = {
    "generic": ReceiverType(),
    "generic-hmac": ReceiverType(SIGNED),
    OIDC: ReceiverType(OidcToken(()), claims=claims_of),
    "github": _row("github", "X-GitHub-Event"),
    "gitlab": _row("gitlab", "X-Gitlab-Event"),
    "bitbucket": _row("bitbucket", "X-Event-Key"),
    "harbor": _row("harbor"),
    "dockerhub": ReceiverType(),
    "quay": ReceiverType(),
    "gcr": ReceiverType(SENDERS["google"].verification, known=("email", "audience"), request=of_google),
    "nexus": _row("nexus"),
    "acr": ReceiverType(),
    "cdevents": ReceiverType(event="Ce-Type"),
}
