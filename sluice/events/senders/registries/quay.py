"""Quay's notifications → events.

Quay signs nothing and sets no header: what proves it is the last part of the address that it was given. It says neither a
digest nor a time nor a name of the delivery, only tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.senders.base import Field, Parsed, body_of
from sluice.events.senders.images import REGISTRY, named, pushed
from sluice.events.verification.base import Verification
from sluice.events.verification.path_token import PathToken

PROOF = PathToken()


@dataclass(frozen=True, slots=True)
class Quay:
    """A notification "Push to Repository" of kind Webhook POST; other notifications have no updated tags."""

    name: str = "quay"
    path: str = "/quay/{token}"
    secret: str = "quay_token"  # noqa: S105 - the name of a setting
    limit: int = 1024 * 1024
    verification: Verification = PROOF

    def parse(self, call: Call) -> Parsed:
        """The images that were pushed: one for each updated tag."""
        body = body_of(call)
        image = body["docker_url"].text
        if call.query.get(REGISTRY):
            image = named(call, "", body["repository"].text)
        return Parsed(tuple(pushed(call, image, tag) for tag in _tags(body["updated_tags"])))


def _tags(tags: Field) -> list[str]:
    """A list, or in older versions an object of tag → image id; missing in other notifications."""
    if tags.value is None:
        return []
    if isinstance(tags.value, Mapping):
        return list(tags.value)
    return [tag.text for tag in tags.items]
