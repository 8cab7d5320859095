"""Docker Hub's webhooks → events.

Docker Hub signs nothing and sets no header: what proves it is the last part of the address that it was given. It does not
say the digest either; the registry is asked for it when the delivery runs.
"""

from __future__ import annotations

from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.senders.base import Parsed, body_of
from sluice.events.senders.images import named, pushed
from sluice.events.verification.base import Verification
from sluice.events.verification.path_token import PathToken

PROOF = PathToken()


@dataclass(frozen=True, slots=True)
class DockerHub:
    """A webhook of a repository on Docker Hub."""

    name: str = "dockerhub"
    path: str = "/dockerhub/{token}"
    secret: str = "dockerhub_token"  # noqa: S105 - the name of a setting
    limit: int = 1024 * 1024
    verification: Verification = PROOF

    def parse(self, call: Call) -> Parsed:
        """The image that was pushed. When is said in seconds, in one form or another (`1.4e9` is one)."""
        body = body_of(call)
        image = named(call, "docker.io", body["repository"]["repo_name"].text)
        at = body["push_data"]["pushed_at"].value
        known = f"{at:.0f}" if isinstance(at, int | float) and not isinstance(at, bool) else ""
        return Parsed((pushed(call, image, body["push_data"]["tag"].text, at=known),))
