"""The numbers of the house (CONTRIBUTING.md): what grows past them is divided before it is merged."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
FLOORS = ("deployments", "flows", "tasks", "blocks", "sluice")
FOLDERS = (*FLOORS, "lab", "bench")
LONGEST_FILE, MOST_FILES, LONGEST_FUNCTION, MOST_METHODS = 300, 14, 40, 5
LONG_ONES = 6
"""Functions that may be longer: mostly lists of what the lab starts, which read best in one piece. Fewer are welcome."""
FEWEST_CONTRACTS = 10
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules(folder: str) -> dict[Path, ast.Module]:
    """Each Python file in a folder of the tree, by its path there."""
    files = (file for file in (CHECKOUT / folder).rglob("*.py") if "__pycache__" not in file.parts)
    return {file.relative_to(CHECKOUT): ast.parse(file.read_text()) for file in files}


def functions(folder: str) -> Iterator[tuple[str, Function]]:
    """Each function and method, also inside others, with the place of it."""
    for path, tree in modules(folder).items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield f"{path}:{node.lineno} {node.name}", node


def length(function: Function) -> int:
    """Lines of a function without its docstring: what it says of itself makes nothing harder to read."""
    first = function.body[0]
    told = ast.get_docstring(function, clean=False) is not None
    described = (first.end_lineno or first.lineno) - first.lineno + 1 if told else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - described


def is_property(function: Function) -> bool:
    """What a member only has to name, usually in a field."""
    return any(getattr(decorator, "id", "") == "property" for decorator in function.decorator_list)


def test_what_is_counted_is_there() -> None:
    """A folder that was renamed would be one that nobody counts."""
    assert all(len(modules(folder)) > 3 for folder in FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_longer_than_can_be_read_at_one_go(folder: str) -> None:
    """A file is one thing."""
    lines = {str(path): len((CHECKOUT / path).read_text().splitlines()) for path in modules(folder)}
    assert {path: count for path, count in lines.items() if count > LONGEST_FILE} == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_folder_holds_more_files_than_can_be_seen_at_one_glance(folder: str) -> None:
    """Flat in it; more of them have rooms."""
    parents = [path.parent for path in modules(folder)]
    assert {str(one): parents.count(one) for one in set(parents) if parents.count(one) > MOST_FILES} == {}


def test_few_functions_are_long() -> None:
    """The exceptions are counted, and their number does not grow."""
    measured = {place: length(one) for folder in FOLDERS for place, one in functions(folder)}
    long = {place: lines for place, lines in measured.items() if lines > LONGEST_FUNCTION}
    assert len(long) <= LONG_ONES, long


@pytest.mark.parametrize("folder", FLOORS)
def test_a_protocol_asks_for_few_methods(folder: str) -> None:
    """Who adds a member to an axis has few things to write."""
    asked = {
        f"{path} {node.name}": sum(isinstance(one, Function) and not is_property(one) for one in node.body)
        for path, tree in modules(folder).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") == "Protocol" for base in node.bases)
    }
    assert {name: count for name, count in asked.items() if count > MOST_METHODS} == {}


def test_the_floors_and_the_members_of_tables_are_kept_apart_by_contracts() -> None:
    """Each with a name that says what it keeps."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    assert len({one["name"] for one in contracts}) >= FEWEST_CONTRACTS
    assert len({one["name"] for one in contracts}) == len(contracts)
    (floors,) = (one for one in contracts if one["type"] == "layers" and one["layers"] == list(FLOORS))
    assert floors["name"]
