"""Charts that stay as they are: those of a repository that somebody suspended, and a HelmChart that itself is suspended."""

from __future__ import annotations

from dataclasses import dataclass, replace

from blocks.charts.base import Charts, Found
from sluice.errors import InvalidError
from sluice.manifests.flux.helm.chart import HelmChart


@dataclass(frozen=True, slots=True)
class SuspendedCharts:
    """A place of charts in front of which somebody has put a stop."""

    charts: Charts

    async def find(self, chart: HelmChart) -> Found:
        """The version that the HelmChart has, while it asks for what it asked for then; else what it asks for now."""
        has, status = chart.status.artifact, chart.status
        if has is None or status.observed_generation != chart.metadata.generation:
            return await self.charts.find(chart)
        return await self.charts.find(_at(chart, has.revision))


@dataclass(frozen=True, slots=True)
class SuspendedChart:
    """The place of a HelmChart's chart, for as long as the HelmChart is suspended."""

    charts: Charts

    async def find(self, chart: HelmChart) -> Found:
        """The version that was pulled last, whatever the HelmChart and its source say by now.

        Raises:
            InvalidError: there is none, or it is not to be had any more.
        """
        has, known = chart.status.artifact, chart.status.observed_chart_name
        if has is None:
            raise InvalidError(f"{chart} is suspended, and nothing was pulled for it before: resume it")
        found = await self.charts.find(_at(chart, has.revision))
        if _plain(found.version) != _plain(has.revision) or (known and found.name != known):
            raise InvalidError(
                f"{chart} is suspended at {known} {has.revision}, and its source has {found.name} {found.version}: resume it"
            )
        return replace(found, version=has.revision)


def _at(chart: HelmChart, version: str) -> HelmChart:
    """The HelmChart as one that asks for this version."""
    made = bool(chart.spec.values_files) or chart.spec.reconcile_strategy == "Revision"
    spec = chart.spec.model_copy(update={"version": _plain(version) if made else version})
    return chart.model_copy(update={"spec": spec})


def _plain(version: str) -> str:
    """A version without what is added for its source."""
    return version.partition("+")[0]
