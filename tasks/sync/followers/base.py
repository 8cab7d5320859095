"""What each kind of follower of a source can do: say which of its objects are due, and bring one of them to the source."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.references import SourceKey
from tasks.sync.fetch_source import Fetched

UNNAMED = Kustomization.kind
"""The kind that a name without one means: `team/shop` is a Kustomization, `HelmRelease/team/shop` a HelmRelease."""


class Due(BaseModel):
    """A follower and what it is to be synced to; `reapply` where it is to be applied though it was synced before."""

    model_config = ConfigDict(frozen=True)
    kind: str = UNNAMED
    namespace: str
    name: str
    source: Fetched
    reapply: bool = False

    @property
    def manifest(self) -> str:
        """What messages call it: `Kustomization team/shop`."""
        return f"{self.kind} {self.namespace}/{self.name}"

    def __str__(self) -> str:
        return named(self.kind, self.namespace, self.name)


class Done(Protocol):
    """What a sync of a follower did."""

    @property
    def summary(self) -> str:
        """In a few words: `3 applied, 1 pruned, 0 left alone`."""

    @property
    def waits(self) -> bool:
        """Whether it waits for others that it depends on, and nothing was done yet."""


class Follower(Protocol):
    """One kind of object that follows a source."""

    @property
    def kind(self) -> str:
        """The kind, as its manifests write it."""

    async def due(self, sources: Mapping[SourceKey, Fetched], reapply: Collection[str]) -> list[Due]:
        """Those of this kind that are to be synced now; suspended ones are not.

        Args:
            sources: at their newest commits; what has not been synced to them is due.
            reapply: names (`named`) of those that are due though they were; those of other kinds are among them.
        """

    async def sync(self, due: Due) -> Done:
        """Bring one to what its source says now. Idempotent; one that died is due again.

        Raises:
            TerminalError, TransientError: it cannot be brought there; the object's Ready condition says the same.
        """

    async def leaving(self, names: Collection[str]) -> list[tuple[str, str]]:
        """Namespace and name of those, among these (`named`), that were deleted and wait for what they did to be undone."""

    async def leave(self, namespace: str, name: str) -> Done:
        """Undo what one did that was deleted, as far as its user wants that, and let go of it. Idempotent."""


def named(kind: str, namespace: str, name: str) -> str:
    """The name of a follower in events and messages."""
    return f"{namespace}/{name}" if kind == UNNAMED else f"{kind}/{namespace}/{name}"
