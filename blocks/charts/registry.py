"""Charts out of a registry: a HelmRepository of type oci."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from blocks.charts.access import docker_config, registry_login, registry_of
from blocks.charts.base import Found
from blocks.charts.folder import ChartFolder, unpacked
from blocks.connections import Connections
from blocks.helm.program import private
from sluice.credentials import RegistryCredentials
from sluice.errors import NotFoundError
from sluice.helm.charts.index import ChartVersion, chosen
from sluice.helm.charts.versions import metadata_of, with_metadata
from sluice.images.reference import Repository
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.manifests.flux.helm.repository import HelmRepository


@dataclass(frozen=True, slots=True)
class RegistryCharts:
    """The charts below one path of a registry."""

    wired: Connections
    repository: HelmRepository

    async def find(self, chart: HelmChart) -> Found:
        """The newest tag in the range; a version's `+` is written `_` in a tag."""
        below = urlsplit(self.repository.address).path.strip("/")
        image = Repository(registry=registry_of(self.repository), path=f"{below}/{chart.spec.chart}".strip("/"))
        login = await registry_login(self.wired.cluster, self.repository, image.path)
        registry = self.wired.registry(self.repository.spec.provider)
        tags = await registry.tags(image, login, insecure=self.repository.spec.insecure)
        versions = [ChartVersion(name=chart.spec.chart, version=tag.replace("_", "+")) for tag in tags]
        if not versions:
            raise NotFoundError(f"{image} has no tags: is the chart pushed?")
        version = chosen(versions, chart.spec.version, chart.spec.chart).version
        name = chart.spec.chart.rpartition("/")[2]

        async def bring(target: Path) -> ChartFolder:
            return await self._brought(image, version, login, target)

        return Found(name, with_metadata(version, metadata_of(chart, version)), version, bring)

    async def _brought(
        self, image: Repository, version: str, login: RegistryCredentials | None, target: Path
    ) -> ChartFolder:
        spec = self.repository.spec
        async with self.wired.helm.run() as run:
            private(run.folder / "registry.json", docker_config(image.registry, login))
            with tempfile.TemporaryDirectory(dir=run.folder) as folder:
                said = ["pull", f"oci://{image}", "--version", version, "--destination", folder]
                said += ["--registry-config", str(run.folder / "registry.json")]
                said += ["--plain-http"] if spec.insecure else []
                await run.call(said, spec.timeout, reaches_out=True)
                return await asyncio.to_thread(_unpacked, Path(folder), target, f"{image}:{version}")


def _unpacked(folder: Path, target: Path, what: str) -> ChartFolder:
    archive = next(iter(sorted(folder.glob("*.tgz"))), None)
    if archive is None:
        raise NotFoundError(f"{what} is no chart")
    return unpacked(archive, target)
