"""Notifications of a CNCF Distribution registry → events. GitLab's container registry is one, and sends the same.

The envelope holds many events of many kinds; only the push of a manifest under a tag is news to a delivery. Blobs,
pulls, and the untagged parts of an image for several platforms are not. The registry repeats an envelope until it is
accepted, and everything else waits behind it: so an event that is wrong is named and dropped, and the others are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sluice.errors import InvalidError
from sluice.events.call import Call
from sluice.events.model import ImagePushed
from sluice.events.senders.base import Field, Found, Parsed, parsed_json
from sluice.events.senders.images import named
from sluice.events.verification.base import Verification
from sluice.events.verification.bearer import BearerToken

MEDIA_TYPE = "application/vnd.docker.distribution.events.v1+json"
PROOF = BearerToken()
MANIFEST_TYPES = frozenset(
    {
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A registry whose `notifications.endpoints` name `/registry`, with the token in the endpoint's headers."""

    name: str = "registry"
    path: str = "/registry"
    secret: str = "registry_token"  # noqa: S105 - the name of a setting
    limit: int = 1024 * 1024
    verification: Verification = PROOF

    def parse(self, call: Call) -> Parsed:
        """The images that an envelope reports."""
        return images_pushed(call).parsed


def images_pushed(call: Call) -> Found:
    """The images that an envelope reports, in its order, and what of it is wrong.

    Raises:
        InvalidError: the body is no envelope; the message names the field.
    """
    envelope = parsed_json(call.body)
    if not isinstance(envelope, Mapping) or not isinstance(envelope.get("events"), list):
        raise InvalidError(f"events: expected a list of registry events; send {MEDIA_TYPE}")
    found = Found()
    for event in Field(envelope)["events"].items:
        try:
            image = _image(call, event)
        except InvalidError as error:
            found.refused.append(str(error))
        else:
            found.events += [image] if image else []
    return found


def _image(call: Call, event: Field) -> ImagePushed | None:
    if event["action"].text != "push":
        return None
    target = event["target"]
    if not target["mediaType"].among(MANIFEST_TYPES) or not target["tag"].value:
        return None
    host = event["request"]["host"].text
    return ImagePushed(
        delivery=event["id"].text,
        image=named(call, host, target["repository"].text),
        tag=target["tag"].text,
        digest=target["digest"].digest,
    )
