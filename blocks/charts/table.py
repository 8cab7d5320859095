"""The places of charts, by the `sourceRef.kind` of a HelmChart. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from blocks.charts.access import http_access
from blocks.charts.base import Charts
from blocks.charts.files import FileCharts
from blocks.charts.indexed import IndexedCharts
from blocks.charts.registry import RegistryCharts
from blocks.charts.suspended import SuspendedCharts
from blocks.connections import Connections
from blocks.kubernetes.kinds import HELM_REPOSITORY
from blocks.sources.table import source_for
from sluice.errors import InvalidError
from sluice.manifests.flux.helm.repository import HelmRepository
from sluice.manifests.references import SourceKey


async def _repository(wired: Connections, key: SourceKey) -> Charts:
    repository = HelmRepository.parse(await wired.cluster.get(HELM_REPOSITORY, key.name, key.namespace))
    charts: Charts = (
        RegistryCharts(wired, repository)
        if repository.is_oci
        else IndexedCharts(await http_access(wired.cluster, repository), wired.helm.home)
    )
    return SuspendedCharts(charts) if repository.spec.suspend and not repository.is_oci else charts


async def _files(wired: Connections, key: SourceKey) -> Charts:
    return FileCharts(await source_for(wired, key))


CHARTS: Mapping[str, Callable[[Connections, SourceKey], Awaitable[Charts]]] = {
    HelmRepository.kind: _repository,
    "GitRepository": _files,
    "OCIRepository": _files,
    "Bucket": _files,
}


async def charts_for(wired: Connections, key: SourceKey) -> Charts:
    """The charts of a source.

    Raises:
        InvalidError: there are none of this kind.
        NotFoundError: there is no such source, or its Secret is not there.
    """
    if key.kind not in CHARTS:
        raise InvalidError(f"sourceRef.kind {key.kind!r} has no charts; use one of: {', '.join(CHARTS)}")
    return await CHARTS[key.kind](wired, key)
