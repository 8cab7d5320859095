"""A Gate that people open: who may, how many of them, and for how long it is asked."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from sluice.durations import Duration
from sluice.manifests.meta import ForeignModel

DAY = 86400.0


class ApprovalSpec(ForeignModel):
    """Who has to say yes."""

    people: tuple[str, ...] = Field(default=(), max_length=200)
    """Who may, by the name that a record has in `spec.by`; empty, with `groups` empty too, for everybody."""
    groups: tuple[str, ...] = Field(default=(), max_length=200)
    """Groups whose members may."""
    needed: int = Field(default=1, ge=1, le=10)
    """How many different people have to."""
    expires: Duration = Field(default=7 * DAY, gt=0)
    """How long a revision waits for them; after that it is refused."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.people and not self.groups and len(set(self.people)) < self.needed:
            raise ValueError(
                f"needed: {self.needed} different people have to approve, and people names {len(set(self.people))}: "
                "name more of them, or add groups"
            )
        return self
