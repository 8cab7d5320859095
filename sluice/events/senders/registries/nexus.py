"""Sonatype Nexus Repository's webhooks → events.

Nexus does not say by what name its registry is reached (it has a port or a host for each repository): the address of the
webhook says it, `/nexus?registry=registry.example:5000`. It does not say the digest either.
"""

from __future__ import annotations

from dataclasses import dataclass

from sluice.errors import InvalidError
from sluice.events.call import Call
from sluice.events.model import ImagePushed
from sluice.events.senders.base import Parsed, body_of, header
from sluice.events.senders.images import REGISTRY, named
from sluice.events.verification.base import Verification
from sluice.events.verification.signature import BodySignature

COMPONENT = "rm:repository:component"
PROOF = BodySignature(header="X-Nexus-Webhook-Signature", algorithm="sha1")


@dataclass(frozen=True, slots=True)
class Nexus:
    """A capability "Webhook: Repository" of event type component, with a secret key."""

    name: str = "nexus"
    path: str = "/nexus"
    secret: str = "nexus_secret"  # noqa: S105 - the name of a setting
    limit: int = 1024 * 1024
    verification: Verification = PROOF

    def parse(self, call: Call) -> Parsed:
        """The image of a component that was created or updated; assets and other formats are not ours."""
        kind, delivery = header(call.headers, "X-Nexus-Webhook-Id"), header(call.headers, "X-Nexus-Webhook-Delivery")
        body = body_of(call)
        if kind != COMPONENT or body["action"].text not in {"CREATED", "UPDATED"}:
            return Parsed()
        component = body["component"]
        if component["format"].text != "docker":
            return Parsed()
        if not call.query.get(REGISTRY):
            raise InvalidError("?registry= is missing in the webhook's address: Nexus does not say its registry's name")
        image = named(call, "", component["name"].text)
        return Parsed((ImagePushed(delivery=delivery, image=image, tag=component["version"].text, digest=""),))
