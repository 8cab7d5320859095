"""Charts out of a repository with an index: the version that is wanted, fetched once, within bounds, by who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.charts import indexed
from blocks.charts.download import Access, download
from blocks.charts.indexed import IndexedCharts
from blocks.charts.suspended import SuspendedCharts
from sluice.errors import ForbiddenError, InvalidError, NotFoundError, TransientError
from sluice.manifests.flux.helm.chart import HelmChart, HelmChartStatus
from tests.blocks.charts.repository_server import Repository, packed, serving


def chart(version: str = "*", name: str = "shop", **spec: Any) -> HelmChart:
    source = {"kind": "HelmRepository", "name": "charts"}
    return HelmChart.parse(
        {
            "metadata": {"name": "c", "namespace": "apps", "generation": 4},
            "spec": {"chart": name, "version": version, "sourceRef": source, **spec},
        }
    )


def charts(repository: Repository, home: Path, **access: Any) -> IndexedCharts:
    return IndexedCharts(Access(repository.url, **access), home)


def three() -> Repository:
    return Repository({version: packed(version) for version in ("1.0.0", "1.2.0", "2.0.0-rc.1")})


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("*", "1.2.0"),
        ("", "1.2.0"),
        ("1.0.x", "1.0.0"),
        ("1.0.0", "1.0.0"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
        (">=1.0.0-0", "2.0.0-rc.1"),
    ],
)
async def test_the_version_that_is_wanted_is_found_and_brought(tmp_path: Path, wanted: str, found: str) -> None:
    async with serving(three()) as repository:
        one = await charts(repository, tmp_path).find(chart(wanted))
        folder = await one.bring(tmp_path / "chart")
    assert (one.name, one.version, one.app_version) == ("shop", found, "7")
    assert (folder.name, folder.version) == ("shop", found)
    assert one.revision.startswith("sha256:")


async def test_what_is_as_it_was_is_not_fetched_again(tmp_path: Path) -> None:
    async with serving(three()) as repository:
        for turn in range(3):
            one = await charts(repository, tmp_path).find(chart())
            await one.bring(tmp_path / f"chart{turn}")
    assert repository.asked.count("/shop-1.2.0.tgz") == 1
    assert repository.asked.count("/index.yaml") == 3, "asked with the ETag, answered with 304"


async def test_a_version_that_is_taken_away_is_not_chosen_any_more(tmp_path: Path) -> None:
    async with serving(three()) as repository:
        before = await charts(repository, tmp_path).find(chart())
        del repository.charts["1.2.0"]
        after = await charts(repository, tmp_path).find(chart())
    assert (before.version, after.version) == ("1.2.0", "1.0.0")
    assert before.revision != after.revision


@pytest.mark.parametrize(
    ("status", "error"), [(500, TransientError), (503, TransientError), (404, NotFoundError), (403, ForbiddenError)]
)
async def test_a_repository_that_is_not_well_says_so(tmp_path: Path, status: int, error: type[Exception]) -> None:
    async with serving(Repository(status=status)) as repository:
        with pytest.raises(error, match=f"answered {status}"):
            await charts(repository, tmp_path).find(chart())


async def test_a_repository_that_is_away_is_asked_again_later(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="does not answer"):
        await IndexedCharts(Access("http://127.0.0.1:1"), tmp_path).find(chart())


async def test_an_index_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexed, "LARGEST_INDEX", 1024**2)
    async with serving(Repository({"1.0.0": packed("1.0.0")}, padding=2 * 1024**2)) as repository:
        with pytest.raises(InvalidError, match="has more than 1 MiB"):
            await charts(repository, tmp_path).find(chart())
    assert not list((tmp_path / "indexes").glob("*")), "nothing of it stays"


async def test_a_chart_that_is_not_the_one_of_the_index_is_refused(tmp_path: Path) -> None:
    async with serving(three()) as repository:
        one = await charts(repository, tmp_path).find(chart())
        repository.charts["1.2.0"] = packed("1.2.0", {"templates/evil.yaml": "a: b"})
        with pytest.raises(InvalidError, match="its digest differs"):
            await one.bring(tmp_path / "chart")


async def test_a_login_goes_to_its_own_host_alone(tmp_path: Path) -> None:
    async with serving(three()) as other, serving(three()) as repository:
        repository.login, repository.elsewhere = "user:pw", other.url
        access = {"username": "user", "password": SecretStr("pw")}
        one = await charts(repository, tmp_path / "a", **access).find(chart())
        await one.bring(tmp_path / "chart")
        kept = list(other.shown)
        one = await charts(repository, tmp_path / "b", **access, everywhere=True).find(chart())
        await one.bring(tmp_path / "chart2")
    assert kept == [""]
    assert other.shown[-1].startswith("Basic ")


async def test_a_missing_login_says_where_it_belongs(tmp_path: Path) -> None:
    async with serving(Repository(login="user:pw")) as repository:
        with pytest.raises(ForbiddenError, match=r"spec\.secretRef") as refused:
            await charts(repository, tmp_path, username="user", password=SecretStr("wrong-pw")).find(chart())
    assert "wrong-pw" not in str(refused.value)


async def test_a_chart_without_a_digest_is_fetched_each_time(tmp_path: Path) -> None:
    async with serving(three()) as repository:
        repository.digests = False
        for turn in range(2):
            one = await charts(repository, tmp_path).find(chart("1.0.0"))
            assert (await one.bring(tmp_path / f"chart{turn}")).version == "1.0.0"
    assert repository.asked.count("/shop-1.0.0.tgz") == 2


async def test_values_files_and_revisions_are_part_of_the_version(tmp_path: Path) -> None:
    async with serving(three()) as repository:
        place = charts(repository, tmp_path)
        files = await place.find(chart("1.0.0", valuesFiles=["values-prod.yaml"]))
        revision = await place.find(chart("1.0.0", reconcileStrategy="Revision"))
    assert files.version == "1.0.0+4"
    assert revision.version == f"1.0.0+{revision.revision.removeprefix('sha256:')[:12]}"


@pytest.mark.parametrize("address", ["http://[::1", "ftp://127.0.0.1/x"])
async def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises((InvalidError, TransientError)):
        await download(Access("http://127.0.0.1:1"), address, tmp_path / "x", 10)


async def test_a_suspended_repository_gives_the_version_that_a_chart_has(tmp_path: Path) -> None:
    """Until the HelmChart asks for something else."""
    async with serving(three()) as repository:
        sut = SuspendedCharts(charts(repository, tmp_path))
        has = {"revision": "1.0.0", "digest": "", "lastUpdateTime": "2026-11-27T10:00:00Z", "path": "", "url": ""}
        for observed, found in ((4, "1.0.0"), (3, "1.2.0")):
            status = {"observedGeneration": observed, "artifact": has}
            asked = chart().model_copy(update={"status": HelmChartStatus.model_validate(status)})
            assert (await sut.find(asked)).version == found
        status = {"observedGeneration": 4, "artifact": {**has, "revision": "1.0.0+4"}}
        asked = chart(valuesFiles=["values.yaml"]).model_copy(update={"status": HelmChartStatus.model_validate(status)})
        assert (await sut.find(asked)).version == "1.0.0+4"
