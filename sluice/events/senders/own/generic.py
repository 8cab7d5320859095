"""A sender of one's own that signs what it sends: a build job, a script, a registry with a proxy in front of it.

`X-Signature` has the signature of the body, `sha256=` and the hexadecimal HMAC, as Flux's generic-hmac has it. The body is
an image that was pushed, or a source that moved:

    {"id": "build-7", "image": "registry.example/team/shop", "tag": "1.2.0", "digest": "sha256:…"}
    {"id": "build-8", "url": "https://git.example/team/shop", "ref": "refs/tags/v1.2.0"}
"""

from __future__ import annotations

from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.model import ImagePushed
from sluice.events.senders.base import Field, Parsed, body_of
from sluice.events.senders.git import moved, reference
from sluice.events.verification.base import Verification
from sluice.events.verification.signature import BodySignature

PROOF = BodySignature(header="X-Signature", prefix="sha256=")


@dataclass(frozen=True, slots=True)
class Generic:
    """A sender that has the secret and can sign."""

    name: str = "generic"
    path: str = "/generic"
    secret: str = "generic_secret"  # noqa: S105 - the name of a setting
    limit: int = 1024 * 1024
    verification: Verification = PROOF

    def parse(self, call: Call) -> Parsed:
        """The image or the source of a body; `id` is the sender's own name for the delivery, else its time is taken."""
        body = body_of(call)
        delivery = body["id"].text if body["id"].value is not None else call.at.isoformat()
        if body["image"].value is not None:
            digest = body["digest"].digest if body["digest"].value is not None else ""
            image = ImagePushed(delivery=delivery, image=body["image"].text, tag=body["tag"].text, digest=digest)
            return Parsed((image,))
        if body["url"].value is None:
            return Parsed()
        commit = _or_nothing(body["commit"])
        ref = body["ref"].text
        named = reference(ref) if ref.startswith("refs/") else ref
        return Parsed(tuple(moved(delivery, [body["url"].text], named, commit)))


def _or_nothing(field: Field) -> str:
    return field.text if field.value is not None else ""
