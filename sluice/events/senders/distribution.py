"""Notifications of a CNCF Distribution registry → events.

The envelope holds many events of many kinds; only the push of a manifest under a tag is news to a delivery. Blobs,
pulls, and the untagged parts of an image for several platforms are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.errors import InvalidError
from sluice.events.model import ImagePushed
from sluice.events.senders.base import Parsed, parsed_json
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

    def parse(self, headers: Mapping[str, str], body: bytes) -> Parsed:
        """The images that an envelope reports."""
        return Parsed(tuple(images_pushed(parsed_json(body))))


def images_pushed(envelope: object) -> list[ImagePushed]:
    """The images that an envelope reports, in its order.

    Raises:
        InvalidError: the body is no envelope; the message names the field.
    """
    if not isinstance(envelope, Mapping) or not isinstance(envelope.get("events"), list):
        raise InvalidError(f"events: expected a list of registry events; send {MEDIA_TYPE}")
    found = (_image(event, f"events[{index}]") for index, event in enumerate(envelope["events"]))
    return [image for image in found if image is not None]


def _image(event: object, where: str) -> ImagePushed | None:
    if not isinstance(event, Mapping):
        raise InvalidError(f"{where}: expected an object with id, action, target and request")
    action = _text(event, "action", where)
    if action != "push":
        return None
    target = _object(event, "target", where)
    if target.get("mediaType") not in MANIFEST_TYPES or not target.get("tag"):
        return None
    host = _text(_object(event, "request", where), "host", f"{where}.request")
    return ImagePushed(
        delivery=_text(event, "id", where),
        image=f"{host}/{_text(target, 'repository', f'{where}.target')}",
        tag=_text(target, "tag", f"{where}.target"),
        digest=_digest(target, f"{where}.target"),
    )


def _object(parent: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = parent.get(key)
    if not isinstance(value, Mapping):
        raise InvalidError(f"{where}.{key}: expected an object, got {type(value).__name__}")
    return value


def _text(parent: Mapping[str, Any], key: str, where: str) -> str:
    value = parent.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidError(f"{where}.{key}: expected a text, got {type(value).__name__}")
    return value


def _digest(target: Mapping[str, Any], where: str) -> str:
    digest = _text(target, "digest", where)
    algorithm, colon, value = digest.partition(":")
    if not (algorithm and colon and value):
        raise InvalidError(f"{where}.digest: expected algorithm:hex, got {digest[:80]!r}")
    return digest
