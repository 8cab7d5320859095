"""What came of the sync of a Kustomization."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Synced(BaseModel):
    """What a sync did: objects applied, pruned, and left alone because their users asked for it."""

    model_config = ConfigDict(frozen=True)
    applied: int = 0
    pruned: int = 0
    left_alone: int = 0
    waits: bool = False
    """Whether it waits for others that it depends on, and nothing was done."""
    note: str = ""

    @property
    def summary(self) -> str:
        """In a few words."""
        return self.note or f"{self.applied} applied, {self.pruned} pruned, {self.left_alone} left alone"
