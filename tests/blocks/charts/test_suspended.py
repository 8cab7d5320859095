"""A HelmChart that is suspended stays at the version that was pulled last, whatever it and its source say by now."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from blocks.charts.download import Access
from blocks.charts.files import FileCharts
from blocks.charts.indexed import IndexedCharts
from blocks.charts.suspended import SuspendedChart
from sluice.errors import InvalidError, NotFoundError
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.sync.artifact import Fetch
from tests.blocks.charts.repository_server import Repository, packed, serving


def chart(revision: str = "1.0.0", source: str = "HelmRepository", **spec: Any) -> HelmChart:
    """One whose generation has moved on since: to suspend it is a change of its spec too."""
    status = {"observedGeneration": 4, "observedChartName": "shop", "observedSourceArtifactRevision": "main@sha1:aa"}
    artifact = {"revision": revision, "path": "", "url": ""}
    spec = {"chart": "shop", "sourceRef": {"kind": source, "name": "charts"}, "suspend": True, **spec}
    meta = {"name": "shop", "namespace": "team", "generation": 5}
    has = {"artifact": artifact} if revision else {}
    return HelmChart.parse({"metadata": meta, "spec": spec, "status": status | has})


@dataclass
class Files:
    """A source whose revisions are directories; `brought` are those that this worker has."""

    root: Path
    newest: str = "main@sha1:bb"
    brought: set[str] = field(default_factory=set)
    there: set[str] = field(default_factory=lambda: {"main@sha1:aa", "main@sha1:bb"})

    async def look(self) -> str:
        return self.newest

    async def latest(self, expected: str = "") -> str:
        self.brought |= self.there
        return self.newest

    async def tree(self, revision: str) -> Path:
        if revision not in self.brought:
            raise NotFoundError(f"{revision} is not here")
        return self.root / revision.rpartition(":")[2]

    async def fetched(self, revision: str) -> Fetch:
        return Fetch(revision=revision, digest="", size=0)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for revision, version in (("aa", "1.0.0"), ("bb", "2.0.0")):
        (tmp_path / revision / "shop").mkdir(parents=True)
        (tmp_path / revision / "shop" / "Chart.yaml").write_text(f"name: shop\nversion: {version}\n")
    return Files(tmp_path)


@pytest.mark.parametrize(
    ("has", "spec"),
    [
        ("1.0.0", {}),
        ("1.0.0", {"version": ">=2"}),
        ("1.0.0+4", {"valuesFiles": ["values.yaml"]}),
        ("1.0.0+0123456789ab", {"reconcileStrategy": "Revision"}),
    ],
    ids=str,
)
async def test_a_newer_version_in_the_repository_is_not_taken(tmp_path: Path, has: str, spec: dict[str, Any]) -> None:
    """Also where the range was changed meanwhile: that counts when it is resumed."""
    async with serving(Repository({"1.0.0": packed("1.0.0"), "2.0.0": packed("2.0.0")})) as repository:
        sut = SuspendedChart(IndexedCharts(Access(repository.url), tmp_path))
        found = await sut.find(chart(has, **spec))
        assert found.version == has
        assert (await found.bring(tmp_path / "chart")).version == "1.0.0"


async def test_a_newer_commit_is_not_taken(files: Files, tmp_path: Path) -> None:
    """The revision of the source that the chart came from is brought again where this worker has it no more."""
    asked = chart(source="GitRepository")
    found = await SuspendedChart(FileCharts(files)).find(asked)
    assert (found.version, found.revision) == ("1.0.0", "main@sha1:aa")
    assert (await found.bring(tmp_path / "chart")).version == "1.0.0"
    awake = asked.model_copy(update={"spec": asked.spec.model_copy(update={"suspend": False})})
    assert (await FileCharts(files).find(awake)).version == "2.0.0"


async def test_a_revision_that_is_gone_is_said(files: Files) -> None:
    """What is newer is not released in its place."""
    files.there = {"main@sha1:bb"}
    with pytest.raises(InvalidError, match=r"suspended at main@sha1:aa, which its source no longer has: resume it"):
        await SuspendedChart(FileCharts(files)).find(chart(source="GitRepository"))


async def test_one_that_was_never_pulled_has_nothing_to_stay_at(files: Files) -> None:
    with pytest.raises(
        InvalidError, match="HelmChart team/shop is suspended, and nothing was pulled for it before: resume it"
    ):
        await SuspendedChart(FileCharts(files)).find(chart(""))


async def test_another_chart_is_not_released_in_its_place(tmp_path: Path) -> None:
    async with serving(Repository({"1.0.0": packed("1.0.0")})) as repository:
        sut = SuspendedChart(IndexedCharts(Access(repository.url), tmp_path))
        asked = chart()
        other = asked.model_copy(update={"status": asked.status.model_copy(update={"observed_chart_name": "web"})})
        with pytest.raises(InvalidError, match=r"suspended at web 1\.0\.0, and its source has shop 1\.0\.0: resume it"):
            await sut.find(other)
