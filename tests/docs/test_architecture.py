"""What docs/architecture.md names is there: rooms, files, and the tables of the axes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text()
FLOORS = "deployments|flows|tasks|blocks|sluice|tests"
PATHS = sorted(set(re.findall(rf"`((?:{FLOORS})/[\w/]+(?:\.py|/)?)`", TEXT)))
AXES = [line.split("|")[1:-1] for line in TEXT.splitlines() if line.startswith("| ") and line.count("|") == 6][1:]


@pytest.mark.parametrize("path", PATHS)
def test_every_path_named_is_there(path: str) -> None:
    """A reader who follows the page into the tree arrives."""
    assert (ROOT / path).exists() or (ROOT / f"{path}.py").exists()


@pytest.mark.parametrize("axis", AXES, ids=lambda axis: axis[0].strip())
def test_every_table_named_is_in_its_room(axis: list[str]) -> None:
    """The table of an axis is assigned where the page says."""
    _, room, table, _, group = axis
    name, *rest = re.findall(r"`([^`]+)`", table)
    folder = ROOT / re.findall(r"`([^`]+)`", room)[0]
    file = ROOT / rest[0] if rest and "/" in rest[0] else folder / (rest[0] if rest else "__init__.py")
    assert re.search(rf"^{name}\b.* = ", file.read_text(), re.MULTILINE)
    for point in re.findall(r"`([^`]+)`", group):
        assert any(f'"{point}"' in source.read_text() for source in (ROOT / "deployments").rglob("*.py"))


def test_the_page_has_all_axes() -> None:
    """The table was found at all."""
    assert len(AXES) == 27
