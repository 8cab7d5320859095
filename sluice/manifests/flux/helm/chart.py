"""Flux's HelmChart (`source.toolkit.fluxcd.io/v1`): one version of a chart, out of a repository or of another source.

Field names and defaults: Flux's source-controller API, v1.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.flux.oci_repository import OciVerification
from sluice.manifests.flux.source import Artifact
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import SourceKey, SourceReference


class ChartSpec(ForeignModel):
    """Which chart, of which version, from where."""

    chart: str
    """Its name in a HelmRepository, or its directory in any other source."""
    version: str = "*"
    """A version or a range of versions; only for a HelmRepository."""
    source_ref: SourceReference
    interval: Duration | None = None
    reconcile_strategy: Literal["ChartVersion", "Revision"] = "ChartVersion"
    """`Revision` makes a new version of each revision of the source, though the chart's version stays."""
    values_files: tuple[str, ...] = ()
    ignore_missing_values_files: bool = False
    verify: OciVerification | None = None
    """Whose signature a chart out of a registry must have."""
    suspend: bool = False


class ChartMeta(ForeignModel):
    """Labels and annotations of the HelmChart that is made."""

    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class ChartTemplate(ForeignModel):
    """The HelmChart that a HelmRelease has made for it."""

    metadata: ChartMeta = ChartMeta()
    spec: ChartSpec


class HelmChartStatus(ForeignModel):
    """What was made of a HelmChart."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    artifact: Artifact | None = None
    observed_source_artifact_revision: str = ""
    observed_chart_name: str = ""
    observed_values_files: tuple[str, ...] = ()
    url: str = ""
    last_handled_reconcile_at: str = ""


class HelmChart(Manifest):
    """One version of a chart."""

    api_version: ClassVar[str] = "source.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "HelmChart"
    plural: ClassVar[str] = "helmcharts"
    spec: ChartSpec
    status: HelmChartStatus = HelmChartStatus()

    @property
    def key(self) -> SourceKey:
        """How others refer to it."""
        return SourceKey(self.kind, self.namespace, self.name)

    @property
    def source(self) -> SourceKey:
        """The source that it is taken from, always of its own namespace."""
        return SourceKey(self.spec.source_ref.kind, self.namespace, self.spec.source_ref.name)
