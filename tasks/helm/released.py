"""What a run of a HelmRelease came to."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Released(BaseModel):
    """In a few words, for the flow and its people."""

    model_config = ConfigDict(frozen=True)
    said: str
    waits: bool = False
    """Whether it waits for another one, and nothing was done yet."""

    @property
    def summary(self) -> str:
        """`installed`, `upgraded, tested`, `as wanted`."""
        return self.said
