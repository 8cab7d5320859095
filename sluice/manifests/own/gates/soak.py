"""A Gate that is time: a revision stays where it is at least so long, whatever its metrics say by then."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.meta import ForeignModel


class SoakSpec(ForeignModel):
    """How long, and since when."""

    period: Duration = Field(gt=0, alias="for")
    since: Literal["asked", "step"] = "asked"
    """`asked`: since the Gate was reached; `step`: since the last step of the release began."""
