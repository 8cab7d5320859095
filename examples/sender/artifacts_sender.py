"""A sender of one's own: a build service that signs what it sends and reports each image it has pushed.

It sends to `/artifacts`, with the hexadecimal HMAC-SHA256 of the body in the header `X-Signature`:

    {"id": "build-7", "kind": "image", "image": "registry.example/team/shop", "tag": "1.2.0", "digest": "sha256:…"}

The secret that it signs with is the installation's `SLUICE_ARTIFACTS_SECRET`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, Field, ValidationError

from sluice.errors import InvalidError
from sluice.events.call import Call
from sluice.events.model import ImagePushed
from sluice.events.senders.base import Parsed, parsed_json
from sluice.events.verification.signature import BodySignature

SIGNATURE = BodySignature(header="X-Signature")


class Report(BaseModel):
    """What the build service sends. A redelivery has the same `id`, so it starts nothing twice."""

    id: str = Field(min_length=1)
    kind: str
    image: str = ""
    tag: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Artifacts:
    """The build service."""

    name: str = "artifacts"
    path: str = "/artifacts"
    secret: str = "artifacts_secret"  # noqa: S105 - the name of a setting
    limit: int = 64 * 1024
    verification: BodySignature = SIGNATURE

    def parse(self, call: Call) -> Parsed:
        """The image that a report is about; other kinds of artifact are acknowledged and start nothing."""
        try:
            report = Report.model_validate(parsed_json(call.body))
        except ValidationError as error:
            first = error.errors()[0]
            raise InvalidError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        if report.kind != "image":
            return Parsed()
        return Parsed((ImagePushed(delivery=report.id, image=report.image, tag=report.tag, digest=report.digest),))


SENDER = Artifacts()
