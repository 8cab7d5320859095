"""A source that somebody suspended: it stays at the revision that was fetched last, whatever its server has by now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blocks.sources.base import Source
from sluice.errors import InvalidError, NotFoundError
from sluice.manifests.flux.source import SourceManifest
from sluice.sync.artifact import Fetch


@dataclass(frozen=True, slots=True)
class Suspended:
    """A source in front of which somebody has put a stop."""

    manifest: SourceManifest
    source: Source

    async def look(self) -> str:
        """The revision that its status says.

        Raises:
            InvalidError: nothing of it was ever fetched.
        """
        artifact = self.manifest.status.artifact
        if artifact is None:
            raise InvalidError(f"{self.manifest} is suspended, and nothing of it was fetched before: resume it")
        return artifact.revision

    async def latest(self, expected: str = "") -> str:
        """The revision of its status, brought here: another process may have fetched it.

        Raises:
            InvalidError: it is not to be had any more.
        """
        at = await self.look()
        try:
            await self.source.tree(at)
        except NotFoundError:
            await self.source.latest()
            try:
                await self.source.tree(at)
            except NotFoundError as error:
                raise InvalidError(
                    f"{self.manifest} is suspended at {at}, which its server has no more: {error}"
                ) from error
        return at

    async def tree(self, revision: str) -> Path:
        """Its files."""
        return await self.source.tree(revision)

    async def fetched(self, revision: str) -> Fetch:
        """What its status says."""
        return await self.source.fetched(revision)
