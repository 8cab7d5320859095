"""GitHub's webhooks → events.

A push to a branch is a changed source; a published container package is a pushed image. Everything else that a webhook
may be subscribed to is not ours, which is not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.errors import InvalidError
from sluice.events.model import Event, ImagePushed, SourceChanged
from sluice.events.senders.base import Parsed, header, parsed_json
from sluice.events.verification.base import Verification
from sluice.events.verification.signature import BodySignature

BRANCHES = "refs/heads/"
PROOF = BodySignature(header="X-Hub-Signature-256", prefix="sha256=")
PACKAGES = ("package", "registry_package")


@dataclass(frozen=True, slots=True)
class GitHub:
    """A webhook of a repository or an organisation, content type JSON, with a secret."""

    name: str = "github"
    path: str = "/github"
    secret: str = "github_secret"  # noqa: S105 - the name of a setting
    limit: int = 25 * 1024 * 1024
    """What GitHub promises not to exceed."""
    verification: Verification = PROOF

    def parse(self, headers: Mapping[str, str], body: bytes) -> Parsed:
        """What a webhook reports; a ping, which GitHub sends when a webhook is made, is answered."""
        event, delivery = header(headers, "X-GitHub-Event"), header(headers, "X-GitHub-Delivery")
        if event == "ping":
            return Parsed(pong=delivery)
        return Parsed(tuple(from_webhook(event, delivery, parsed_json(body))))


def from_webhook(event: str, delivery: str, payload: object) -> list[Event]:
    """What a webhook reports, or nothing where it concerns nothing of ours.

    Args:
        event: header `X-GitHub-Event`.
        delivery: header `X-GitHub-Delivery`, the same for a redelivery.
        payload: the body.

    Raises:
        InvalidError: the body is not what GitHub sends for this event; the message names the field.
    """
    if event == "push":
        return _pushed(delivery, _mapping(payload, "body"))
    if event in PACKAGES:
        return _published(event, delivery, _mapping(payload, "body"))
    return []


def _pushed(delivery: str, body: Mapping[str, Any]) -> list[Event]:
    ref = _text(body, "ref")
    if not ref.startswith(BRANCHES) or body.get("deleted") is True:
        return []
    url = _text(_mapping(body.get("repository"), "repository"), "clone_url", "repository.")
    return [SourceChanged(delivery=delivery, url=url, ref=ref.removeprefix(BRANCHES), commit=_text(body, "after"))]


def _published(event: str, delivery: str, body: Mapping[str, Any]) -> list[Event]:
    package = _mapping(body.get(event), event)
    if body.get("action") != "published" or _text(package, "package_type", f"{event}.").lower() != "container":
        return []
    version = _mapping(package.get("package_version"), f"{event}.package_version")
    metadata = _mapping(version.get("container_metadata"), f"{event}.package_version.container_metadata")
    tag = _mapping(metadata.get("tag"), f"{event}.package_version.container_metadata.tag")
    name, digest = tag.get("name"), tag.get("digest")
    if not name or not digest:  # a part of an image for several platforms: no tag of its own
        return []
    url = _text(version, "package_url", f"{event}.package_version.")
    if not isinstance(name, str) or not isinstance(digest, str):
        raise InvalidError(f"{event}.package_version.container_metadata.tag: name and digest must be texts")
    return [ImagePushed(delivery=delivery, image=_without_tag(url), tag=name, digest=digest)]


def _without_tag(url: str) -> str:
    """`https://ghcr.io/team/shop:1.2` → `ghcr.io/team/shop`; a registry's port is no tag."""
    bare = url.partition("://")[2] or url
    bare = bare.partition("@")[0]
    head, slash, last = bare.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidError(f"{where}: expected an object, got {type(value).__name__}; choose content type JSON")
    return value


def _text(parent: Mapping[str, Any], key: str, prefix: str = "") -> str:
    value = parent.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidError(f"{prefix}{key}: expected a text, got {type(value).__name__}; choose content type JSON")
    return value
