"""The chart of a HelmRelease: the HelmChart that is made for it, or the source that it names, and what is there now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.charts.base import Found
from blocks.charts.files import FileCharts
from blocks.charts.folder import ChartFolder, with_values_files, with_version
from blocks.charts.suspended import SuspendedChart
from blocks.charts.table import charts_for
from blocks.connections import Connections
from blocks.kubernetes.kinds import HELM_CHART
from blocks.sources.table import source_for
from sluice.errors import InvalidError, NotFoundError
from sluice.helm.charts.status import pulled, unpulled
from sluice.helm.charts.versions import of_artifact
from sluice.manifests.flux.helm.chart import ChartSpec, HelmChart
from sluice.manifests.flux.helm.release import GROUP, HelmRelease
from sluice.manifests.meta import ObjectMeta
from sluice.manifests.references import SourceReference
from tasks.helm.status import now

OCI = "OCIRepository"


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart that is wanted, and how to bring it.

    Attributes:
        digest: of the OCI artifact that it came from; empty where it came from elsewhere.
        helm_chart: `namespace/name` of the HelmChart that was made; empty where none was.
    """

    name: str
    version: str
    app_version: str
    digest: str
    helm_chart: str
    bring: Callable[[Path], Awaitable[ChartFolder]]


async def chart_of(wired: Connections, release: HelmRelease) -> Chart:
    """The chart of a HelmRelease, as its source is now. The HelmChart says the same of itself.

    Raises:
        NotFoundError: the source, the chart or the version is not there.
        InvalidError: it cannot be read, or is not what was asked for.
        TerminalError, TransientError: the source refuses us, or does not answer.
    """
    if release.spec.chart_ref and release.spec.chart_ref.kind == OCI:
        return await _of_artifact(wired, release)
    key = release.chart
    if key.kind != HelmChart.kind:
        raise InvalidError(f"spec.chartRef.kind {key.kind!r} is not supported; use {OCI} or {HelmChart.kind}")
    if release.spec.chart:
        manifest = await wired.cluster.apply(helm_chart(release))
    else:
        manifest = await wired.cluster.get(HELM_CHART, key.name, key.namespace)
    chart = HelmChart.parse(manifest)
    found = await _found(wired, chart)
    made = f"{chart.namespace}/{chart.name}" if release.spec.chart else ""
    return Chart(found.name, found.version, found.app_version, "", made, _bringing(chart, found))


async def _found(wired: Connections, chart: HelmChart) -> Found:
    """The version that a HelmChart wants, which it says of itself; the one that it has where it is suspended."""
    charts = await charts_for(wired, chart.source)
    if chart.spec.suspend:
        return await SuspendedChart(charts).find(chart)
    try:
        found = await charts.find(chart)
    except Exception as error:
        await _say(wired, chart, unpulled(chart, error, now()))
        raise
    await _say(wired, chart, pulled(chart, found.name, found.version, found.revision, now(), verified=found.verified))
    return found


async def _of_artifact(wired: Connections, release: HelmRelease) -> Chart:
    """The chart in an OCI artifact; the artifact's digest is part of its version."""
    source = await source_for(wired, release.chart)
    whole = ChartSpec(chart="", source_ref=SourceReference(kind=OCI, name=release.chart.name))
    chart = HelmChart(metadata=ObjectMeta(name=release.chart.name, namespace=release.chart.namespace), spec=whole)
    found = await FileCharts(source).find(chart)
    version, digest = of_artifact(found.version, found.revision)

    async def bring(target: Path) -> ChartFolder:
        return await asyncio.to_thread(with_version, await found.bring(target), version)

    return Chart(found.name, version, found.app_version, digest, "", bring)


def _bringing(chart: HelmChart, found: Found) -> Callable[[Path], Awaitable[ChartFolder]]:
    async def bring(target: Path) -> ChartFolder:
        brought = await found.bring(target)
        spec = chart.spec
        brought, _ = await asyncio.to_thread(
            with_values_files,
            brought,
            spec.values_files,
            found.base or brought.folder,
            ignore_missing=spec.ignore_missing_values_files,
        )
        return await asyncio.to_thread(with_version, brought, found.version)

    return bring


def helm_chart(release: HelmRelease) -> dict[str, Any]:
    """The HelmChart that is made for a HelmRelease, as Flux makes it."""
    assert release.spec.chart is not None  # noqa: S101  # the caller asks for no other
    template = release.spec.chart
    spec = template.spec
    wanted: dict[str, Any] = {
        "chart": spec.chart,
        "version": spec.version,
        "sourceRef": {"kind": spec.source_ref.kind, "name": spec.source_ref.name},
        "interval": f"{(spec.interval or release.spec.interval):g}s",
        "reconcileStrategy": spec.reconcile_strategy,
    }
    if spec.values_files:
        wanted["valuesFiles"] = list(spec.values_files)
    if spec.ignore_missing_values_files:
        wanted["ignoreMissingValuesFiles"] = True
    if spec.verify is not None:
        wanted["verify"] = spec.verify.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
        ) | {"provider": spec.verify.provider}
    owner = {f"{GROUP}/name": release.name, f"{GROUP}/namespace": release.namespace}
    meta: dict[str, Any] = {
        "name": release.chart.name,
        "namespace": release.chart.namespace,
        "labels": {**template.metadata.labels, **owner},
    }
    if template.metadata.annotations:
        meta["annotations"] = template.metadata.annotations
    return {"apiVersion": HelmChart.api_version, "kind": HelmChart.kind, "metadata": meta, "spec": wanted}


async def forget_chart(wired: Connections, helm_chart: str) -> None:
    """Delete the HelmChart that was made for a HelmRelease; nothing happens where there is none."""
    namespace, _, name = helm_chart.partition("/")
    if name:
        await wired.cluster.delete(HELM_CHART, name, namespace)


async def _say(wired: Connections, chart: HelmChart, status: dict[str, Any] | None) -> None:
    if status:
        try:
            await wired.cluster.patch(HELM_CHART, chart.name, chart.namespace, status, subresource="status")
        except NotFoundError:
            return  # It was deleted meanwhile: nobody is left to read it.
