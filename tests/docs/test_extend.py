"""docs/extend/README.md is true: each axis that it names is there, and each that is open to packages is on it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from deployments import installed
from deployments.doors import senders

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "extend"
TEXT = (FOLDER / "README.md").read_text()
GROUPS = {
    installed.ROUTERS,
    installed.DATAPLANES,
    installed.METRICS,
    installed.GATES,
    installed.STAGES,
    senders.GROUP,
}
ROWS = [line.split("|") for line in TEXT.splitlines() if re.match(r"\| \w.*`tests/", line)]
"""Those of the table of axes that are not open to packages."""


def test_the_axes_that_are_open_are_those_that_are_loaded() -> None:
    """No group is shown that nobody loads, none is loaded that nobody can read of."""
    assert set(re.findall(r"`(sluice\.\w+)` \|", TEXT)) == GROUPS


def test_every_example_has_a_page_and_every_page_an_example() -> None:
    """A page without a package that works would be a promise that nobody checks."""
    pages = {file.stem for file in FOLDER.glob("*.md")} - {"README"}
    assert pages == {file.parent.name for file in (ROOT / "examples").glob("*/pyproject.toml")}
    for page in pages:
        text = (FOLDER / f"{page}.md").read_text()
        assert f"[`examples/{page}`](../../examples/{page})" in text
        assert "If sluice does not start with it: the error names the package" in text


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1].split()[0])
def test_an_axis_inside_the_tree_is_where_the_table_says(row: list[str]) -> None:
    """Its folder with members, its table, its import contract and the test that runs over it."""
    _, _, file, entered, contract, test, _ = row
    folder = ROOT / re.findall(r"`([\w/]+)/<", file)[0]
    assert (folder / "base.py").exists()
    table, module = re.findall(r"`([^`]+)`", entered)
    assert re.search(rf"^{table}\b", (ROOT / module).read_text(), re.MULTILINE)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    kept = [one for one in contracts if one["name"] == contract.strip().strip('"')]
    assert len(kept) == 1
    package = str(folder.relative_to(ROOT)).replace("/", ".")
    assert all(module.startswith(f"{package}.") for module in kept[0]["modules"])
    assert table in (ROOT / test.strip().strip("`")).read_text()


def test_every_axis_inside_the_tree_was_read() -> None:
    """The pattern above finds them all."""
    assert len(ROWS) == 8
