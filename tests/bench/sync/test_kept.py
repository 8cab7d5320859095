"""What a run of the bench keeps: each row as soon as it is measured, for a run may be cut."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import pytest

from bench.sync import __main__ as bench
from bench.sync.__main__ import each_of

HERE: Any = None


async def good(here: Any, how: argparse.Namespace) -> dict[str, Any]:
    return {"s": 1}


async def bad(here: Any, how: argparse.Namespace) -> dict[str, Any]:
    raise TimeoutError("nothing came")


async def test_each_row_is_kept_as_soon_as_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that failed says why, and the next one is measured; each says which load there was."""
    monkeypatch.setattr(bench, "ROWS", {"one": good, "two": bad, "three": good})
    kept: list[Mapping[str, Any]] = []
    found: dict[str, Any] = {}
    await each_of(HERE, argparse.Namespace(), ["one", "two", "three"], found, lambda so_far: kept.append({**so_far}))
    assert [list(one) for one in kept] == [["one"], ["one", "two"], ["one", "two", "three"]]
    assert "nothing came" in kept[-1]["two"]["failed"]
    assert all(len(one["load_average"]) == 2 for one in found.values())
