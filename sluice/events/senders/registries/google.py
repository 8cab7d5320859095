"""Google Artifact Registry and Container Registry → events: what Pub/Sub pushes of the topic `gcr`.

Pub/Sub signs a token for each push (OIDC): its setting names the service account that the subscription authenticates as,
and the audience, with a space between.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from sluice.errors import InvalidError
from sluice.events.call import Call
from sluice.events.model import ImagePushed
from sluice.events.senders.base import Field, Parsed, body_of, parsed_json
from sluice.events.senders.images import REGISTRY, named, pushed, split_tag
from sluice.events.verification.base import Verification
from sluice.events.verification.google_token import GoogleToken

SIGNED = GoogleToken()
MESSAGE_ID = "x-goog-pubsub-message-id"
"""Header of a push without wrapper whose subscription writes metadata."""


@dataclass(frozen=True, slots=True)
class GoogleRegistry:
    """A push subscription to the topic `gcr`, with authentication enabled."""

    name: str = "google"
    path: str = "/google"
    secret: str = "google_push"  # noqa: S105 - the name of a setting
    limit: int = 16 * 1024 * 1024
    """Pub/Sub pushes 10 MB at most, which base64 makes longer."""
    verification: Verification = SIGNED

    def parse(self, call: Call) -> Parsed:
        """The image that got a tag; an upload without one, and deletions, are not ours."""
        event, delivery = published(call)
        if event["action"].text != "INSERT" or not event["tag"].value:
            return Parsed()
        image, tag = split_tag(event["tag"].text)
        if not tag:
            raise InvalidError(f"{event.path and event.path + '.'}tag: expected image:tag, got {image[:80]!r}")
        if call.query.get(REGISTRY):
            image = named(call, "", image.partition("/")[2])
        digest = event["digest"].text.partition("@")[2] if event["digest"].value else ""
        if not delivery:
            return Parsed((pushed(call, image, tag, digest=digest),))
        return Parsed((ImagePushed(delivery=delivery, image=image, tag=tag, digest=digest),))


def published(call: Call) -> tuple[Field, str]:
    """What the registry published, and Pub/Sub's name for the message, with its wrapper or without.

    Raises:
        InvalidError: it is no push of Pub/Sub.
    """
    body = body_of(call)
    if body["message"].value is None:
        return body, call.headers.get(MESSAGE_ID, "")
    return _unwrapped(body["message"]["data"]), body["message"]["messageId"].text


def _unwrapped(data: Field) -> Field:
    try:
        return Field(parsed_json(base64.b64decode(data.text, validate=True)), "message.data")
    except (binascii.Error, ValueError) as error:
        raise InvalidError("message.data: expected base64") from error
