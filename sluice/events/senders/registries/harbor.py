"""Harbor's webhooks (2.x) → events, in both of its formats: Default, and CloudEvents."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.errors import InvalidError
from sluice.events.call import Call
from sluice.events.model import ImagePushed
from sluice.events.senders.base import Field, Found, Parsed, body_of
from sluice.events.senders.images import REGISTRY, named, pushed, split_tag
from sluice.events.verification.base import Verification
from sluice.events.verification.header_token import HeaderToken

PUSHED = frozenset({"PUSH_ARTIFACT", "harbor.artifact.pushed", "REPLICATION_ARTIFACT_PUSHED"})
PROOF = HeaderToken(header="Authorization")


@dataclass(frozen=True, slots=True)
class Harbor:
    """A webhook policy of a project, event "Artifact pushed"; its Auth Header is the whole secret."""

    name: str = "harbor"
    path: str = "/harbor"
    secret: str = "harbor_auth"  # noqa: S105 - the name of a setting
    limit: int = 1024 * 1024
    verification: Verification = PROOF

    def parse(self, call: Call) -> Parsed:
        """The images that were pushed; everything else that a policy may report is not ours."""
        body = body_of(call)
        if body["type"].text not in PUSHED:
            return Parsed()
        cloud = isinstance(body["specversion"].value, str)
        data = body["data"] if cloud else body["event_data"]
        found = Found()
        for index, resource in enumerate(data["resources"].items):
            try:
                image = _image(call, resource, "" if cloud else str(body["occur_at"].value or ""))
            except InvalidError as error:
                found.refused.append(str(error))
                continue
            if image and cloud:
                image = image.model_copy(update={"delivery": f"{body['id'].text}/{index}"})
            found.events += [image] if image else []
        return found.parsed


def _image(call: Call, resource: Field, at: str) -> ImagePushed | None:
    tag = resource["tag"].value
    if not isinstance(tag, str) or not tag or ":" in tag:  # pushed by digest: the tag is the digest, or missing
        return None
    image, _ = split_tag(resource["resource_url"].text)
    if call.query.get(REGISTRY):
        image = named(call, "", image.partition("/")[2])
    return pushed(call, image, tag, digest=resource["digest"].digest, at=at)
