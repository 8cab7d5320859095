"""A chart as a directory: whatever an archive or a source has in it, nothing gets out and nothing gets too large."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from blocks.charts import folder
from blocks.charts.folder import ChartFolder, chart_in, read_chart, unpacked, with_values_files, with_version
from sluice.errors import InvalidError, NotFoundError
from tests.blocks.charts.repository_server import packed


def at(place: Path, text: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def chart(place: Path, version: str = "1.0.0") -> Path:
    at(place / "Chart.yaml", f"name: shop\nversion: {version} # of the shop\n")
    at(place / "values.yaml", "a: 1\n")
    return place


def archive(place: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(place, "w:gz") as made:
        for entry, content in members:
            entry.size = len(content)
            made.addfile(entry, io.BytesIO(content))
    return place


def test_a_packed_chart_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "c.tgz").write_bytes(packed("1.2.3", {"templates/a.yaml": "x"}))
    found = unpacked(tmp_path / "c.tgz", tmp_path / "chart")
    assert (found.name, found.version, found.app_version) == ("shop", "1.2.3", "7")
    assert (tmp_path / "chart" / "templates" / "a.yaml").read_text() == "x"


@pytest.mark.parametrize("name", ["shop/../../evil", "../evil", "/shop/evil"])
def test_files_outside_of_an_archive_are_refused(tmp_path: Path, name: str) -> None:
    packed_chart = archive(
        tmp_path / "c.tgz",
        (tarfile.TarInfo("shop/Chart.yaml"), b"name: a\nversion: 1.0.0"),
        (tarfile.TarInfo(name), b"x"),
    )
    with pytest.raises(InvalidError, match="outside of it"):
        unpacked(packed_chart, tmp_path / "in" / "chart")
    assert not list(tmp_path.rglob("evil"))


def test_links_in_an_archive_are_not_made(tmp_path: Path) -> None:
    link = tarfile.TarInfo("shop/templates/passwd")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    packed_chart = archive(
        tmp_path / "c.tgz", (tarfile.TarInfo("shop/Chart.yaml"), b"name: a\nversion: 1.0.0"), (link, b"")
    )
    unpacked(packed_chart, tmp_path / "chart")
    assert not (tmp_path / "chart" / "templates" / "passwd").exists()


def test_zeros_are_not_unpacked_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "LARGEST", 1024**2)
    packed_chart = archive(tmp_path / "c.tgz", (tarfile.TarInfo("shop/zeros"), b"\0" * (2 * 1024**2)))
    with pytest.raises(InvalidError, match="more than 1 MiB"):
        unpacked(packed_chart, tmp_path / "chart")


def test_a_header_of_a_gigabyte_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tarfile` reads what a name's header says that it has; packed, that is next to nothing."""
    asked = list[int]()

    class Counted(gzip.GzipFile):
        def read(self, size: int | None = -1) -> bytes:
            asked.append(size or 0)
            return super().read(size)

    name = tarfile.TarInfo("././@PaxHeader")
    name.type, name.size = tarfile.XHDTYPE, 1024**3
    with gzip.open(tmp_path / "c.tgz", "wb") as made:
        made.write(name.tobuf(tarfile.PAX_FORMAT))
        made.write(b"\0" * 4 * 1024**2)
    monkeypatch.setattr(gzip, "GzipFile", Counted)
    with pytest.raises(InvalidError, match="header of more than 1 MiB"):
        unpacked(tmp_path / "c.tgz", tmp_path / "chart")
    assert max(asked, default=0) <= 1024**2


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x1f\x8b\x08not"])
def test_what_is_no_archive_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.tgz").write_bytes(content)
    with pytest.raises(InvalidError, match="no archive of a chart"):
        unpacked(tmp_path / "c.tgz", tmp_path / "chart")


@pytest.mark.parametrize("path", ["", "/", "./charts/..", "charts/shop"])
def test_a_chart_is_found_among_files(tmp_path: Path, path: str) -> None:
    chart(tmp_path / "tree")
    chart(tmp_path / "tree" / "charts" / "shop")
    assert chart_in(tmp_path / "tree", path, tmp_path / "copy").name == "shop"


def test_a_chart_that_is_all_there_is_is_found_packed_or_not(tmp_path: Path) -> None:
    chart(tmp_path / "one" / "shop")
    assert chart_in(tmp_path / "one", "", tmp_path / "copy1").version == "1.0.0"
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "shop-2.0.0.tgz").write_bytes(packed("2.0.0"))
    assert chart_in(tmp_path / "two", "", tmp_path / "copy2").version == "2.0.0"


def test_a_path_out_of_the_source_is_refused(tmp_path: Path) -> None:
    chart(tmp_path / "secret")
    chart(tmp_path / "tree")
    with pytest.raises(InvalidError, match="leads out of the source"):
        chart_in(tmp_path / "tree", "../secret", tmp_path / "copy")
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidError, match="leads out"):
        chart_in(tmp_path / "tree", "", tmp_path / "copy2")


@pytest.mark.parametrize(
    ("text", "error"), [("version: 1", InvalidError), ("[", InvalidError), ("name: x", InvalidError)]
)
def test_a_chart_yaml_that_is_none_says_so(tmp_path: Path, text: str, error: type[Exception]) -> None:
    at(tmp_path / "Chart.yaml", text)
    with pytest.raises(error, match=r"Chart\.yaml"):
        read_chart(tmp_path)


def test_no_chart_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        chart_in(tmp_path, "charts/none", tmp_path / "copy")


def test_another_version_is_written_and_nothing_else(tmp_path: Path) -> None:
    found = with_version(read_chart(chart(tmp_path)), "1.0.0+abc")
    assert found.version == "1.0.0+abc"
    assert found.name == "shop"


def values(place: ChartFolder) -> str:
    return (place.folder / "values.yaml").read_text()


def test_values_files_are_merged_in_order_over_nothing(tmp_path: Path) -> None:
    one = read_chart(chart(tmp_path))
    at(tmp_path / "prod.yaml", "a: 2\nb: {x: 1}")
    at(tmp_path / "eu.yaml", "b: {z: 0o17}")
    changed, used = with_values_files(one, ["values.yaml", "prod.yaml", "eu.yaml"], tmp_path, ignore_missing=False)
    assert used == ["values.yaml", "prod.yaml", "eu.yaml"]
    assert json.loads(values(changed)) == {"a": 2, "b": {"x": 1, "z": 15}}, (
        "JSON, which no reader takes for something else"
    )


def test_a_missing_values_file_is_named_or_left_out(tmp_path: Path) -> None:
    one = read_chart(chart(tmp_path))
    with pytest.raises(NotFoundError, match=r"'gone\.yaml'"):
        with_values_files(one, ["gone.yaml"], tmp_path, ignore_missing=False)
    _, used = with_values_files(one, ["gone.yaml", "values.yaml"], tmp_path, ignore_missing=True)
    assert used == ["values.yaml"]
    with pytest.raises(InvalidError, match="leads out"):
        with_values_files(one, ["../x.yaml"], tmp_path, ignore_missing=True)
