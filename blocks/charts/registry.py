"""Charts out of a registry: a HelmRepository of type oci."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from blocks.charts.access import RegistryAccess, registry_access, registry_of
from blocks.charts.base import Found
from blocks.charts.folder import ChartFolder, unpacked
from blocks.charts.indexed import LARGEST_CHART
from blocks.connections import Connections
from blocks.registries.base import tags_of
from blocks.sources.oci_cosign import cosign_for
from sluice.errors import InvalidError, NotFoundError
from sluice.helm.charts.index import ChartVersion, chosen
from sluice.helm.charts.versions import metadata_of, with_metadata
from sluice.images.reference import Repository
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.manifests.flux.helm.repository import HelmRepository

CONTENT = ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip")
"""Types of the layer that a chart is, of Helm 3.7 and later, and before that."""


@dataclass(frozen=True, slots=True)
class RegistryCharts:
    """The charts below one path of a registry."""

    wired: Connections
    repository: HelmRepository

    async def find(self, chart: HelmChart) -> Found:
        """The newest tag in the range, signed by whom the HelmChart trusts; a version's `+` is written `_` in a tag."""
        below = urlsplit(self.repository.address).path.strip("/")
        image = Repository(registry=registry_of(self.repository), path=f"{below}/{chart.spec.chart}".strip("/"))
        access = await registry_access(self.wired, self.repository, image)
        registry, insecure = self.wired.registry(self.repository.spec.provider), self.repository.spec.insecure
        tags = await tags_of(registry, image, access.login, insecure=insecure, way=access.way)
        versions = [ChartVersion(name=chart.spec.chart, version=tag.replace("_", "+")) for tag in tags]
        if not versions:
            raise NotFoundError(f"{image} has no tags: is the chart pushed?")
        version = chosen(versions, chart.spec.version, chart.spec.chart).version
        tag = version.replace("+", "_")
        digest = ""
        if chart.spec.verify:
            digest = await registry.digest(image, tag, access.login, insecure=insecure, way=access.way)
            await self._verify(chart, image, digest, access)

        async def bring(target: Path) -> ChartFolder:
            at = digest or await registry.digest(image, tag, access.login, insecure=insecure, way=access.way)
            return await self._brought(image, at, access, target)

        name = chart.spec.chart.rpartition("/")[2]
        verified = f"verified signature of version {version}" if chart.spec.verify else ""
        return Found(name, with_metadata(version, metadata_of(chart, version)), version, bring, verified=verified)

    async def _verify(self, chart: HelmChart, image: Repository, digest: str, access: RegistryAccess) -> None:
        assert chart.spec.verify is not None  # noqa: S101  # the caller asks for no other
        spec = self.repository.spec
        cosign = await cosign_for(
            self.wired.cluster, chart.spec.verify, chart.namespace, timeout=spec.timeout, insecure=spec.insecure
        )
        await cosign.verify(image, digest, access.login)

    async def _brought(self, image: Repository, digest: str, access: RegistryAccess, target: Path) -> ChartFolder:
        """The chart of this digest: what was verified is what is brought, wherever its tag points by then."""
        spec, puller = self.repository.spec, self.wired.artifacts
        pulled = await puller.pull(image, digest, access.login, insecure=spec.insecure, way=access.way)
        layer = next((one for one in pulled.layers if one.media_type in CONTENT), None)
        if layer is None:
            there = ", ".join(dict.fromkeys(one.media_type for one in pulled.layers))
            raise InvalidError(f"{image}@{digest} is no chart: its layers are {there}")
        with tempfile.TemporaryDirectory(prefix="sluice-chart-") as folder:
            archive = Path(folder) / "chart.tgz"
            await puller.download(
                image, layer, archive, LARGEST_CHART, spec.timeout, access.login, insecure=spec.insecure, way=access.way
            )
            return await asyncio.to_thread(unpacked, archive, target)
