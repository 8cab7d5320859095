"""What happened to a release, and the envelope that CDEvents put around it (cdevents.dev, specification 0.5.0)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from sluice.images.reference import ImageRef

SPECIFICATION = "0.5.0"
Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What happened to one release.

    Attributes:
        key: of this very happening: sent twice, it has the same ids.
        environment: where, by its name; `service` what, `namespace/name`; `version` which.
        image: what serves users now.
        at: when, seconds since the epoch.
        reason: for people.
        suite: of tests, by its name, where it is about one.
        link: to more of it; empty for none.
    """

    key: str
    environment: str
    service: str
    version: str
    revision: str
    image: ImageRef
    at: float
    reason: str = ""
    suite: str = ""
    link: str = ""

    @property
    def source(self) -> str:
        """Who says it: sluice, in this environment."""
        return f"/sluice/{quote(self.environment, safe='')}"

    @property
    def release(self) -> str:
        """The release as a subject."""
        return f"{self.service}/{self.revision}"

    @property
    def place(self) -> Object:
        """The environment as content."""
        return {"id": self.environment, "source": self.source}

    @property
    def artifact(self) -> str:
        """The image as a package URL (package-url/purl-spec, type oci)."""
        name = self.image.name
        digest = f"@{quote(self.image.digest, safe='')}" if self.image.digest else ""
        tag = f"&tag={quote(self.image.tag, safe='')}" if self.image.tag else ""
        last = quote(name.rsplit("/", 1)[-1].lower(), safe="")
        return f"pkg:oci/{last}{digest}?repository_url={quote(name, safe='/')}{tag}"


class Form(Protocol):
    """One type of event."""

    @property
    def type(self) -> str:
        """With its version: `dev.cdevents.service.upgraded.0.3.0`."""

    def subject(self, happening: Happening) -> Object:
        """`id` and `content` of the subject."""


def event(form: Form, happening: Happening) -> Object:
    """A whole event; the same of the same happening."""
    moment = datetime.fromtimestamp(happening.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = {"version": happening.version, "revision": happening.revision, "reason": happening.reason}
    return {
        "context": {
            "specversion": SPECIFICATION,
            "id": str(uuid5(NAMESPACE_URL, f"{form.type}/{happening.key}")),
            "source": happening.source,
            "type": form.type,
            "timestamp": moment,
        },
        "subject": {"source": happening.source, **form.subject(happening)},
        "customData": {key: value for key, value in known.items() if value},
        "customDataContentType": "application/json",
    }
