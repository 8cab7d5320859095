"""JFrog Artifactory's webhooks → events.

Its header `X-JFrog-Event-Auth` has the secret itself, or a signature of the body where "Use secret for payload signing" is
set: both are taken. Where the registry is called otherwise than `origin/repository key`, the address says how.
"""

from __future__ import annotations

from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.senders.base import Field, Parsed, body_of
from sluice.events.senders.images import named, pushed
from sluice.events.verification.base import Verification
from sluice.events.verification.either import Either
from sluice.events.verification.header_token import HeaderToken
from sluice.events.verification.signature import BodySignature

HEADER = "X-JFrog-Event-Auth"
PROOF = Either((BodySignature(header=HEADER), HeaderToken(header=HEADER)))


@dataclass(frozen=True, slots=True)
class Artifactory:
    """A webhook of domain Docker, event "Tag was pushed"."""

    name: str = "artifactory"
    path: str = "/artifactory"
    secret: str = "artifactory_secret"  # noqa: S105 - the name of a setting
    limit: int = 1024 * 1024
    verification: Verification = PROOF

    def parse(self, call: Call) -> Parsed:
        """The image whose tag was pushed, promoted or copied; other domains and events are not ours."""
        body = body_of(call)
        if body["domain"].text != "docker" or body["event_type"].text not in {"pushed", "promoted"}:
            return Parsed()
        data = body["data"]
        digest = data["sha256"].value
        image = named(call, f"{_host(body)}/{data['repo_key'].text}", data["image_name"].text)
        known = f"sha256:{digest.removeprefix('sha256:')}" if isinstance(digest, str) and digest else ""
        return Parsed((pushed(call, image, data["tag"].text, digest=known),))


def _host(body: Field) -> str:
    """Of the platform: `https://acme.jfrog.io/` → `acme.jfrog.io`."""
    origin = body["jpd_origin"].value or body["origin"].value
    return Field(origin, "jpd_origin").text.partition("://")[2].partition("/")[0]
