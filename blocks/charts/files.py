"""Charts out of the files of another source: a git repository, a bucket, an OCI artifact."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from blocks.charts.base import Found, refuse_verify
from blocks.charts.folder import ChartFolder, chart_in
from blocks.sources.base import Source
from sluice.errors import InvalidError, NotFoundError
from sluice.helm.charts.versions import metadata_of, with_metadata
from sluice.manifests.flux.helm.chart import HelmChart


@dataclass(frozen=True, slots=True)
class FileCharts:
    """The charts among the files of a source."""

    source: Source

    async def find(self, chart: HelmChart) -> Found:
        """The chart at its path, at the source's newest revision; a suspended one at the revision that it has."""
        refuse_verify(chart)
        kept = chart.status.observed_source_artifact_revision if chart.spec.suspend else ""
        revision = kept or await self.source.latest()
        tree = await self._tree(chart, revision) if kept else await self.source.tree(revision)
        seen = await asyncio.to_thread(_read, tree, chart.spec.chart)

        async def bring(target: Path) -> ChartFolder:
            return await asyncio.to_thread(chart_in, tree, chart.spec.chart, target)

        wanted = with_metadata(seen.version, metadata_of(chart, revision))
        return Found(seen.name, wanted, revision, bring, seen.app_version, base=tree)

    async def _tree(self, chart: HelmChart, revision: str) -> Path:
        """The files of a revision that may have been brought long ago, or elsewhere."""
        try:
            return await self.source.tree(revision)
        except NotFoundError:
            await self.source.latest()
        try:
            return await self.source.tree(revision)
        except NotFoundError as error:
            raise InvalidError(
                f"{chart} is suspended at {revision}, which its source no longer has: resume it ({error})"
            ) from error


def _read(tree: Path, path: str) -> ChartFolder:
    with tempfile.TemporaryDirectory(prefix="sluice-chart-") as folder:
        return chart_in(tree, path, Path(folder) / "chart")
