"""Months of running weigh what days do: rows, memory, files and requests stay flat."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from flows import roll_out as story
from tasks.measuring import step as judging
from tasks.rollout import ask_gate, finalise, initialise, promote, roll_back
from tests.flows.months import TABLES, Installation, Reading, installation
from tests.prefect_server import begin_with_tables

KEPT = 3
GROWTH_A_DAY = 20_000
"""Bytes of memory a day that are no leak yet: a month of it is half a megabyte."""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits within a release."""
    for module in (roll_back, finalise, initialise, promote):
        monkeypatch.setattr(module, "DRAIN", 0)
    monkeypatch.setattr(story, "PAUSE", 0)
    monkeypatch.setattr(ask_gate, "GATE_PAUSE", 0)
    monkeypatch.setattr(judging, "SEARCH", 0.001)


async def passed(it: Installation, days: int) -> list[Reading]:
    for _ in range(days):
        await it.pass_day()
        noted(it)
    return it.readings


def noted(it: Installation) -> None:
    """Write the day down so that it can be plotted."""
    if file := os.environ.get("SLUICE_LAB_READINGS"):
        with Path(file).open("a") as readings:
            readings.write(json.dumps({"day": it.days, **asdict(it.readings[-1])}) + "\n")


def flat(readings: list[Reading]) -> None:
    """From the day on that what is kept is full, each day is like the one before."""
    full = readings[KEPT + 1 :]
    first, last, days = full[0], full[-1], len(full) - 1
    for table in TABLES:
        # What reaches the server in the last second of a day is stored on the next one.
        rows = [one.rows[table] for one in full]
        assert max(rows[-2:]) <= 1.25 * max(rows[:3]) + 10, f"{table} grows: {[one.rows[table] for one in readings]}"
    assert last.files <= first.files + 2
    assert last.calls <= 1.2 * first.calls, [one.calls for one in readings]
    assert last.requests <= 1.2 * first.requests, [one.requests for one in readings]
    memory = [one.memory for one in full]  # goes up and down by what Prefect's clients gather
    assert min(memory[-3:]) <= max(memory[:3]) + GROWTH_A_DAY * days, memory


@pytest.mark.server
async def test_days_of_looks_and_releases_weigh_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """Where three days are kept, the ninth is no heavier than the fifth."""
    begin_with_tables(pytestconfig, tmp_path / "prefect.db")
    async with installation(tmp_path, monkeypatch, looks=3, keep_days=KEPT) as it:
        flat(await passed(it, 9))


@pytest.mark.soak
async def test_a_year_of_looks_and_releases_weighs_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """A release and some looks on each of 365 days."""
    begin_with_tables(pytestconfig, tmp_path / "prefect.db")
    async with installation(tmp_path, monkeypatch, looks=6, keep_days=KEPT) as it:
        flat(await passed(it, 365))
