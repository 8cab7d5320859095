"""A cluster that is lost and made again from git, on the lab: a new Prefect, nothing left of the services, git as it was."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

import pytest

from bench.sync.__main__ import measured
from lab.paths import LabPaths

pytestmark = pytest.mark.lab
SERVICES = 8


@pytest.fixture(scope="module")
def row(lab_env: dict[str, Any]) -> dict[str, Any]:
    """The bench's row, with fewer services: it has to be short."""
    how = argparse.Namespace(rows="rebuilt", services=SERVICES)
    found = asyncio.run(measured(how, LabPaths()))["rebuilt"]
    assert "failed" not in found, found
    return dict(found)


def test_all_of_them_serve_what_was_promoted_last(row: dict[str, Any]) -> None:
    """The version that git has, which is neither the first one nor the newest in the registry."""
    assert row["ready"] == SERVICES


def test_no_canary_is_run(row: dict[str, Any]) -> None:
    """No release is in any Canary's phases, and no canary has a weight."""
    assert row["canary runs"] == 0


def test_what_was_rolled_back_stays_out(row: dict[str, Any]) -> None:
    """The registry offers it as the newest; no workload gets it, and git is as it was."""
    assert (row["met what is refused"], row["commits since"]) == (0, 0)
