"""Charts of a repository that somebody suspended: each HelmChart stays at the version that it has."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.charts.base import Charts, Found
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
        made = bool(chart.spec.values_files) or chart.spec.reconcile_strategy == "Revision"
        version = has.revision.partition("+")[0] if made else has.revision  # what follows is ours
        spec = chart.spec.model_copy(update={"version": version})
        return await self.charts.find(chart.model_copy(update={"spec": spec}))
