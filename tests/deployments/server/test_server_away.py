"""The Prefect server dies under running flows and comes back on the same database."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import TaskRun

from deployments import runtime
from deployments.server.embedded import EmbeddedServer
from deployments.settings import Settings
from tests.deployments import sample_flows
from tests.deployments.conftest import DELIVER, HOLD, PATIENCE, Runtime, free_port, telling

AWAY = 30.0
"""Seconds: Prefect's own patience (ten attempts of a second) ends several times in them, and ours has no end."""


async def _until_told(client: PrefectClient, run: UUID, tasks: int) -> None:
    """Wait until Prefect knows of that many ended task runs of a run."""
    of_run = FlowRunFilter.model_validate({"id": {"any_": [run]}})
    async with asyncio.timeout(PATIENCE):
        while True:
            known: list[TaskRun] = []
            while page := await client.read_task_runs(flow_run_filter=of_run, limit=200, offset=len(known)):
                known += page
            if sum(one.state is not None and one.state.is_completed() for one in known) >= tasks:
                return
            await asyncio.sleep(0.2)


@pytest.mark.lab
async def test_runs_go_on_without_the_server_and_their_history_is_whole_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill -9 of the server: the code goes on, ends, and starts again nowhere; states and task runs are told later."""
    notes = tmp_path / "notes.jsonl"
    monkeypatch.setattr(sample_flows, "NOTES", notes)
    monkeypatch.setattr(sample_flows, "ENOUGH", set())
    settings = Settings(home=tmp_path, prefect_port=free_port(), worker_name="tester", work_pool="away")
    first = EmbeddedServer(settings.home, settings.prefect_host, settings.prefect_port)
    await first.start()
    second = EmbeddedServer(settings.home, settings.prefect_host, settings.prefect_port)
    try:
        async with telling(settings):
            await runtime.register_all(settings, workflows=(DELIVER, HOLD))
            async with get_client() as client:
                sut = Runtime(settings, client, notes)
                async with sut.worker():
                    ends, lives = await sut.start(HOLD, name="ends"), await sut.start(HOLD, name="lives")
                    await sut.until(lambda: len(sut.notes(event="started")) == 2)
                    os.kill(first.pid or 0, signal.SIGKILL)
                    await first.wait()
                    await asyncio.sleep(AWAY / 2)
                    sut.enough("ends")
                    await sut.until(lambda: sut.notes(event="ended", name="ends"))
                    await asyncio.sleep(AWAY / 2)
                    await second.start()
                    await sut.until_state(ends, "Completed")
                    assert await sut.state(lives) == "Running"
                    stayed = len(sut.notes(event="stayed", name="lives"))
                    await sut.press_cancel(lives)
                    await sut.until_state(lives, "Cancelled")
                    assert len(sut.notes(event="started")) == 2
                    await _until_told(client, lives, stayed)
    finally:
        await first.stop()
        await second.stop()
