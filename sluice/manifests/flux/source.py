"""What Flux's sources (`source.toolkit.fluxcd.io`) have in common: an interval, an artifact, and who follows them.

Field names and defaults: Flux's source-controller API, v1.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sluice.addresses import cleaned
from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import LocalReference, SourceKey


class SourceSpec(ForeignModel):
    """What each source asks for."""

    secret_ref: LocalReference | None = None
    interval: Duration = 60.0
    timeout: Duration = 60.0
    """Longest time for one operation with the server, seconds."""
    suspend: bool = False
    ignore: str | None = None
    """What to leave out, in the format of `.gitignore`; the lines of `.sourceignore` files come before it."""


class Artifact(ForeignModel):
    """What was fetched last."""

    revision: str
    """`branch@sha1:commit`, `tag@sha256:digest` or `sha256:digest`."""
    digest: str = ""
    """Of all files with their names, as sluice laid them out."""
    last_update_time: str = ""
    path: str = ""
    url: str = ""
    size: int = 0
    """Bytes of all files."""
    metadata: dict[str, str] = Field(default_factory=dict)


class SourceStatus(ForeignModel):
    """What sluice has seen of a source."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    artifact: Artifact | None = None
    observed_ignore: str | None = None
    last_handled_reconcile_at: str = ""


class SourceManifest(Manifest):
    """A place that manifests come from, followed."""

    failed: ClassVar[str] = "FetchFailed"
    """Why the source is not ready, in Flux's words, where its server is the reason."""
    spec: SourceSpec
    status: SourceStatus = SourceStatus()

    @property
    def key(self) -> SourceKey:
        """How others refer to it."""
        return SourceKey(self.kind, self.namespace, self.name)

    @property
    def location(self) -> str:
        """Where it is, as the manifest writes it; it may have a login in it."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """Where it is without a login: what may be shown, logged and sent."""
        return cleaned(self.location)

    @property
    def ref(self) -> str:
        """What events call what it follows: a branch by its name, a tag as `refs/tags/v1.2`; empty without references."""
        return ""

    def follows(self, ref: str) -> bool:
        """Whether a move of this reference may move the source; a move of none may move all."""
        return True
