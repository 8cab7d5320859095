"""Charts out of a repository with an index over http."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from blocks.charts.base import Found, refuse_verify
from blocks.charts.download import Access, download
from blocks.charts.folder import ChartFolder, unpacked
from sluice.addresses import shown
from sluice.errors import InvalidError, NotFoundError
from sluice.helm.charts.index import ChartVersion, address_of, chosen, entries_of
from sluice.helm.charts.versions import metadata_of, with_metadata
from sluice.manifests.flux.helm.chart import HelmChart

LARGEST_INDEX, LARGEST_CHART = 50 * 1024 * 1024, 10 * 1024 * 1024
"""Bytes; Flux's own limits."""


@dataclass(frozen=True, slots=True)
class IndexedCharts:
    """A repository with an index.

    Attributes:
        home: where indexes and charts are kept.
    """

    access: Access
    home: Path

    async def index(self) -> tuple[Path, str]:
        """The index as the server has it now, and its revision, `sha256:…`; it is not brought where it is as it was.

        Raises:
            NotFoundError, TerminalError, TransientError: as the server says.
            InvalidError: it is larger than is allowed.
        """
        key = hashlib.sha256(f"{self.access.url}\0{self.access.username}".encode()).hexdigest()[:32]
        place, mark = self.home / "indexes" / f"{key}.yaml", self.home / "indexes" / f"{key}.json"
        known = _marked(mark) if place.exists() else {}
        with _beside(place) as new:
            address = f"{self.access.url.rstrip('/')}/index.yaml"
            etag = await download(self.access, address, new, LARGEST_INDEX, known.get("etag", ""))
            if etag is None:
                return place, known["revision"]
            revision = await asyncio.to_thread(_digest, new)
            os.replace(new, place)
        mark.write_text(json.dumps({"etag": etag, "revision": revision}))
        return place, revision

    async def find(self, chart: HelmChart) -> Found:
        """The version that a HelmChart wants."""
        refuse_verify(chart)
        place, revision = await self.index()
        version = await asyncio.to_thread(_chosen, place, chart)
        wanted = with_metadata(version.version, metadata_of(chart, revision))

        async def bring(target: Path) -> ChartFolder:
            return await self._brought(version, target)

        return Found(version.name or chart.spec.chart, wanted, revision, bring, version.app_version)

    async def _brought(self, version: ChartVersion, target: Path) -> ChartFolder:
        address = address_of(self.access.url, version)
        key = version.digest.removeprefix("sha256:").lower()
        safe = key if len(key) == 64 and key.isalnum() else ""
        kept = self.home / "charts" / f"{safe}.tgz"
        if not safe or not kept.exists():
            with _beside(kept) as new:
                await download(self.access, address, new, LARGEST_CHART)
                if safe and await asyncio.to_thread(_digest, new) != f"sha256:{safe}":
                    raise InvalidError(f"{shown(address)} is not the chart that the index names: its digest differs")
                if not safe:
                    return await asyncio.to_thread(unpacked, new, target)
                os.replace(new, kept)
        return await asyncio.to_thread(unpacked, kept, target)


def _chosen(place: Path, chart: HelmChart) -> ChartVersion:
    try:
        with place.open(encoding="utf-8", errors="replace") as lines:
            versions = entries_of(lines, chart.spec.chart)
    except FileNotFoundError as error:
        raise NotFoundError(f"the index that {chart} is taken from was cleared away: it is fetched again") from error
    return chosen(versions, chart.spec.version, chart.spec.chart)


def _marked(mark: Path) -> dict[str, str]:
    try:
        known = json.loads(mark.read_text())
        return {"etag": str(known["etag"]), "revision": str(known["revision"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """A file next to a place, to be moved there once it is whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=place.parent, prefix=".new-", delete=False) as made:
        new = Path(made.name)
    try:
        yield new
    finally:
        new.unlink(missing_ok=True)
