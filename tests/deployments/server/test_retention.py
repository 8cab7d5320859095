"""What the embedded server forgets, and what it keeps: months of running stay one size."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from blocks.prefect.idle_runs import forget_runs
from deployments import runtime
from deployments.server import embedded
from deployments.server.embedded import EmbeddedServer
from deployments.server.retention import retention
from deployments.settings import Settings
from sluice.errors import TransientError
from tests.deployments.conftest import HOLD, PATIENCE, Runtime, free_port
from tests.prefect_server import START_WITHIN_S, begin_with_tables

TABLES = ("flow_run", "flow_run_state", "log", "artifact", "events", "event_resources")
PUSHED = "sluice.image.pushed"


async def happened(http: httpx.AsyncClient) -> str:
    """A run that ended, with a log line and an artifact, and an event; returns the run's id."""
    flow = (await http.post("/flows/", json={"name": "sample"})).json()["id"]
    run = str((await http.post("/flow_runs/", json={"flow_id": flow})).json()["id"])
    await http.post(f"/flow_runs/{run}/set_state", json={"state": {"type": "COMPLETED"}, "force": True})
    now = datetime.now(UTC).isoformat()
    line = {"name": "x", "level": 20, "message": "said", "timestamp": now, "flow_run_id": run}
    await http.post("/logs/", json=[line])
    await http.post("/artifacts/", json={"key": f"k-{run}", "type": "markdown", "data": "x", "flow_run_id": run})
    for name in (PUSHED, "prefect.task-run.Completed"):
        event = {"id": str(uuid4()), "occurred": now, "event": name, "resource": {"prefect.resource.id": run}}
        (await http.post("/events", json=[event])).raise_for_status()
    return run


def rows(database: Path) -> dict[str, int]:
    with closing(sqlite3.connect(database, timeout=30)) as it:
        return {table: it.execute(f"select count(*) from {table}").fetchone()[0] for table in TABLES}  # noqa: S608


def events(database: Path, name: str) -> int:
    with closing(sqlite3.connect(database, timeout=30)) as it:
        return int(it.execute("select count(*) from events where event = ?", (name,)).fetchone()[0])


def ids(database: Path, run: str) -> list[str]:
    """Of the events about a run."""
    with closing(sqlite3.connect(database, timeout=30)) as it:
        return [
            row[0] for row in it.execute("select id from events where event = ? and resource_id = ?", (PUSHED, run))
        ]


def resources(database: Path, of: list[str]) -> int:
    """Rows of what these events are about."""
    marks = ", ".join("?" for _ in of)
    with closing(sqlite3.connect(database, timeout=30)) as it:
        asked = f"select count(*) from event_resources where event_id in ({marks})"  # noqa: S608
        return int(it.execute(asked, of).fetchone()[0])


def aged(database: Path, run: str, days: int) -> None:
    """As if it had been so many days ago."""
    with closing(sqlite3.connect(database, timeout=30)) as it, it:
        it.execute("update flow_run set end_time = datetime(end_time, ?) where id = ?", (f"-{days} days", run))
        for table in ("events", "event_resources"):
            where = (
                "resource_id = ?" if table == "events" else "event_id in (select id from events where resource_id = ?)"
            )
            it.execute(f"update {table} set occurred = datetime(occurred, ?) where {where}", (f"-{days} days", run))  # noqa: S608


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE * 2):
        while not condition():
            await asyncio.sleep(0.1)


@pytest.mark.server
async def test_what_is_older_than_its_days_is_cleared_and_the_rest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """Runs with their logs and artifacts, and events."""
    hurried = {"PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "1"}
    monkeypatch.setattr(embedded, "retention", lambda days: retention(days) | hurried)
    database = tmp_path / "prefect.db"
    monkeypatch.setattr(embedded, "START_WITHIN", START_WITHIN_S)
    begin_with_tables(pytestconfig, database)
    async with (
        EmbeddedServer(tmp_path, "127.0.0.1", free_port(), keep_days=30) as server,
        httpx.AsyncClient(base_url=f"{server.url}/api", timeout=30, trust_env=False) as http,
    ):
        old, younger = await happened(http), await happened(http)
        await until(lambda: events(database, PUSHED) == 2)
        gone = ids(database, old)
        await until(lambda: resources(database, gone) > 0)  # what an event is about is written after it
        before = rows(database)
        aged(database, younger, 20)
        aged(database, old, 40)
        await until(lambda: events(database, PUSHED) == 1)
        await until(lambda: rows(database)["log"] == before["log"] - 1)
        await until(lambda: rows(database)["artifact"] == before["artifact"] - 1)
        assert (
            events(database, "prefect.task-run.Completed") == 0
        )  # what has a row of its own is not stored as an event too
        assert (await http.get(f"/flow_runs/{old}")).status_code == 404
        assert (await http.get(f"/flow_runs/{younger}")).status_code == 200
        assert resources(database, gone) == 0


@pytest.mark.server
async def test_looks_that_found_nothing_are_forgotten(sut: Runtime) -> None:
    """By the name of their state and by age; a run that did something is no such run, and others' runs are theirs."""
    ended = {"type": "COMPLETED", "name": "Nothing to do"}
    idle, useful = await sut.start(HOLD, name="a"), await sut.start(HOLD, name="b")
    flow = (await sut.client.read_flow_run(idle)).flow_id
    await sut.set_state(idle, ended)
    await sut.set_state(useful, {"type": "COMPLETED", "name": "Started"})
    other = (await sut.client._client.post("/flow_runs/", json={"flow_id": str(flow)})).json()["id"]
    await sut.set_state(other, ended)
    later = datetime.now(UTC) + timedelta(seconds=5)
    assert await forget_runs("Nothing to do", later - timedelta(hours=1), 500) == 0
    assert await forget_runs("Nothing to do", later, 500) == 1
    left = {str(run.id) for run in await sut.client.read_flow_runs()}
    assert {str(useful), other} <= left
    assert str(idle) not in left


async def test_a_prefect_that_is_away_is_no_answer() -> None:
    """The stage is tried again, and reconcile goes on without it."""
    away = Settings(prefect_api_url=f"http://127.0.0.1:{free_port()}/api")
    with runtime.prefect_for(away), pytest.raises(TransientError, match="old runs"):
        await forget_runs("Nothing to do", datetime.now(UTC), 1)


def test_the_log_of_a_server_that_runs_for_months_stays_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on writing to the file that it has open; the older half is kept."""
    monkeypatch.setattr(embedded, "LOG_LIMIT", 100)
    server = EmbeddedServer(tmp_path, "127.0.0.1", free_port())
    server.log.parent.mkdir()
    with server.log.open("ab") as log:
        log.write(b"a" * 101)
        log.flush()
        server.trim_log()
        log.write(b"b")
        log.flush()
        server.trim_log()
    assert server.log.read_bytes() == b"b"
    assert server.log.with_suffix(".log.1").read_bytes() == b"a" * 101
