"""What was said of a revision outside the cluster: `status.marked` of a Canary, by revision."""

from __future__ import annotations

from sluice.manifests.meta import ForeignModel


class Marked(ForeignModel):
    """What the forge, and the sink of CDEvents, have heard last of one revision."""

    version: str = ""
    """What people call it."""
    mark: str = ""
    """What the forge shows; empty for nothing yet."""
    sent: str = ""
    """What the sink of CDEvents got last."""
    attempt: int = 1
    """How often it was released: one that comes back later is another deployment."""
    repository: str = ""
    commit: str = ""
    environment: str = ""
    """As the forge knows it: renaming it later changes nothing of a release that is under way."""
    refused: str = ""
    """Why the forge shows it not, or not in full; it is not asked again for this."""
    at: float = 0.0
    """When it was written, seconds since the epoch."""

    @property
    def anew(self) -> Marked:
        """It, where the revision is released once more: nothing is said of that yet."""
        return self.model_copy(update={"mark": "", "sent": "", "attempt": self.attempt + 1})
