"""GitHub's webhooks → events; Gitea and Forgejo send the same headers and bodies.

A push to a branch or tag is a changed source, and so is a published release, by its tag; a container package that was
published or updated (GHCR calls a tag that moved `updated`) is a pushed image. Everything else that a webhook may be
subscribed to is not ours, which is not an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qs

from sluice.events.call import Call
from sluice.events.model import Event, ImagePushed
from sluice.events.senders.base import Field, Parsed, body_of, header
from sluice.events.senders.git import NOTHING, TAGS, moved, reference
from sluice.events.senders.images import split_tag
from sluice.events.verification.base import Verification
from sluice.events.verification.signature import BodySignature

PROOF = BodySignature(header="X-Hub-Signature-256", prefix="sha256=")
FORM = "application/x-www-form-urlencoded"
IMAGES = frozenset({"published", "updated"})
RELEASES = frozenset({"published", "released"})
"""`released` is a prerelease that became a release: its tag may be one that a policy wants only now."""


@dataclass(frozen=True, slots=True)
class GitHub:
    """A webhook of a repository or an organisation, of either content type, with a secret."""

    name: str = "github"
    path: str = "/github"
    secret: str = "github_secret"  # noqa: S105 - the name of a setting
    limit: int = 25 * 1024 * 1024
    """What GitHub promises not to exceed."""
    verification: Verification = PROOF

    def parse(self, call: Call) -> Parsed:
        """What a webhook reports; a ping, which GitHub sends when a webhook is made, is answered."""
        event, delivery = header(call.headers, "X-GitHub-Event"), header(call.headers, "X-GitHub-Delivery")
        if event == "ping":
            return Parsed(pong=delivery)
        meaning = MEANINGS.get(event)
        return Parsed(tuple(meaning(delivery, body_of(_as_json(call)))) if meaning else ())


def _as_json(call: Call) -> Call:
    """The call with its JSON as the body: a form, which a webhook sends unless another type is chosen, has it in a field."""
    if not call.headers.get("Content-Type", "").startswith(FORM):
        return call
    payload = parse_qs(call.body.decode(errors="replace")).get("payload", [""])[0]
    return replace(call, body=payload.encode())


def _pushed(delivery: str, body: Field) -> list[Event]:
    ref = reference(body["ref"].text)
    if not ref or body["deleted"].value is True or body["after"].among(NOTHING):
        return []
    return [*moved(delivery, _addresses(body), ref, body["after"].text)]


def _released(delivery: str, body: Field) -> list[Event]:
    if body["action"].text not in RELEASES:
        return []
    return [*moved(delivery, _addresses(body), f"{TAGS}{body['release']['tag_name'].text}")]


def _addresses(body: Field) -> list[str]:
    """Where the repository is cloned from; ssh may be another place on a server of one's own."""
    repository = body["repository"]
    ssh = repository["ssh_url"].value
    return [repository["clone_url"].text, *([ssh] if isinstance(ssh, str) and ssh else [])]


def _packaged(event: str) -> Callable[[str, Field], list[Event]]:
    def meaning(delivery: str, body: Field) -> list[Event]:
        package = body[event]
        if not body["action"].among(IMAGES) or package["package_type"].text.lower() != "container":
            return []
        version = package["package_version"]
        metadata = version["container_metadata"]
        image, tag = split_tag(version["package_url"].text)
        digest = version["version"].value
        if isinstance(metadata.value, Mapping):
            known = metadata["tag"]
            tag, digest = known["name"].value, known["digest"].value or digest
        if not tag or not digest:  # a part of an image for several platforms: no tag of its own
            return []
        if not isinstance(tag, str) or not isinstance(digest, str):
            raise metadata["tag"].wrong("name and digest as texts")
        return [ImagePushed(delivery=delivery, image=image, tag=tag, digest=digest)]

    return meaning


MEANINGS: Mapping[str, Callable[[str, Field], list[Event]]] = {
    "push": _pushed,
    "release": _released,
    "package": _packaged("package"),
    "registry_package": _packaged("registry_package"),
}
