"""The fault suite judges sluice from outside: what judges shares no code with what is judged."""

from __future__ import annotations

import ast
from pathlib import Path

FAULTS = Path(__file__).resolve().parents[3] / "lab" / "faults"
FLOORS = {"sluice", "blocks", "tasks", "flows", "deployments"}
STARTS_SLUICE = {"prefect_server.py"}
"""Runs as a process of the installation under test, and is imported by nothing."""


def imported(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found


def test_the_observer_the_laws_and_the_proxies_import_nothing_of_sluice() -> None:
    """Nothing that sluice has wrong can be wrong in the same way here."""
    files = [file for file in FAULTS.rglob("*.py") if file.name not in STARTS_SLUICE]
    assert len(files) > 10
    for file in files:
        assert not {name.partition(".")[0] for name in imported(file)} & FLOORS, file.name


def test_what_starts_sluice_is_imported_by_nothing() -> None:
    """The one module that knows sluice's code is a program of its own."""
    files = [file for file in FAULTS.rglob("*.py") if file.name in STARTS_SLUICE]
    names = {".".join(file.relative_to(FAULTS.parents[1]).with_suffix("").parts) for file in files}
    assert len(names) == len(STARTS_SLUICE)
    for file in FAULTS.rglob("*.py"):
        assert not imported(file) & names, file.name
