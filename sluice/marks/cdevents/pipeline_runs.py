"""Events of pipeline runs: a release on its way, from its first step to its end."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from sluice.marks.cdevents.base import Happening, Object

NAME = "roll_out"


@dataclass(frozen=True, slots=True)
class Started:
    """A release has begun."""

    type: str = "dev.cdevents.pipelinerun.started.0.3.0"

    def subject(self, happening: Happening) -> Object:
        """The release."""
        return {"id": happening.release, "content": {"pipelineName": NAME, "uri": _address(happening)}}


@dataclass(frozen=True, slots=True)
class Finished:
    """A release is at its end."""

    outcome: str
    type: str = "dev.cdevents.pipelinerun.finished.0.3.0"

    def subject(self, happening: Happening) -> Object:
        """The release, with its outcome, and the reason where it is no good one."""
        content = {"pipelineName": NAME, "uri": _address(happening), "outcome": self.outcome}
        content |= {"errors": happening.reason} if self.outcome != "success" and happening.reason else {}
        return {"id": happening.release, "content": content}


def _address(happening: Happening) -> str:
    """A link where there is one, else the release's name as a URN: the schema wants an address."""
    return happening.link or f"urn:sluice:{quote(happening.release, safe='/').replace('/', ':')}"
