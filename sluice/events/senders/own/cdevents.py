"""CDEvents (v0.3 and later) → events: artifacts that were packaged or published, in a registry of images.

They come as CloudEvents, in the structured or the binary mode; both have the event of CDEvents as their data or body. Its
subject is a package URL: `pkg:oci/shop@sha256:…?repository_url=registry.example/team/shop&tag=1.2.0`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from sluice.errors import InvalidError
from sluice.events.call import Call
from sluice.events.model import ImagePushed
from sluice.events.senders.base import Parsed, body_of
from sluice.events.verification.base import Verification
from sluice.events.verification.path_token import PathToken

KINDS = ("dev.cdevents.artifact.published.", "dev.cdevents.artifact.packaged.")
PROOF = PathToken()


@dataclass(frozen=True, slots=True)
class CDEvents:
    """A producer of CDEvents, which has no way to prove itself but the address."""

    name: str = "cdevents"
    path: str = "/cdevents/{token}"
    secret: str = "cdevents_token"  # noqa: S105 - the name of a setting
    limit: int = 1024 * 1024
    verification: Verification = PROOF

    def parse(self, call: Call) -> Parsed:
        """The image of an artifact; other events of a pipeline are not ours."""
        body = body_of(call)
        event = body["data"] if isinstance(body["specversion"].value, str) and body["data"].value is not None else body
        context = event["context"]
        if not context["type"].text.startswith(KINDS):
            return Parsed()
        subject = event["subject"]["id"].text
        scheme, _, rest = subject.partition(":")
        if scheme != "pkg" or not rest.startswith("oci/"):
            return Parsed()
        image = _image(rest)
        return Parsed((ImagePushed(delivery=f"{context['source'].text}/{context['id'].text}", **image),))


def _image(package: str) -> Mapping[str, str]:
    try:
        parts = urlsplit(package)
        query = parse_qs(parts.query)
    except ValueError as error:
        raise InvalidError(f"subject.id: no package URL ({error})") from error
    named, tag = query.get("repository_url", [""])[0], query.get("tag", [""])[0]
    if not named or not tag:
        raise InvalidError("subject.id: expected pkg:oci/name@digest?repository_url=…&tag=…")
    return {"image": named, "tag": tag, "digest": unquote(parts.path.partition("@")[2])}
