"""One real Prefect server for all tests of the runtime, started by our own code, and workers beside it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
)
from prefect.client.schemas.objects import FlowRun

from deployments import runtime
from deployments.settings import Settings
from deployments.worker import engine
from deployments.worker.caretaker import Dead, nobody
from deployments.worker.worker import SluiceWorker
from deployments.workflows import Queue, Workflow
from sluice.events.model import ImagePushed
from tests.deployments import sample_flows
from tests.prefect_server import free_port, prefect_server

PATIENCE = 120.0
"""Seconds after which a thing that should happen is taken not to happen. No test waits that long when all is well."""
DELIVER = Workflow("tests.deployments.sample_flows.sample_deliver", event=ImagePushed)
HOLD = Workflow("tests.deployments.sample_flows.sample_hold", queue=Queue.ROLLOUTS)
LOOK = Workflow("tests.deployments.sample_flows.sample_look", every=timedelta(hours=1))


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings of an installation whose embedded server runs."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, prefect_port=free_port(), receiver_port=free_port(), worker_name="tester")
    with prefect_server(settings.home, settings.prefect_host, settings.prefect_port, request.config):
        yield settings


class Runtime:
    """What a test does with Prefect: deploy, start runs, wait for states, look at the notes that flows left."""

    def __init__(self, settings: Settings, client: PrefectClient, notes: Path) -> None:
        self.settings = settings
        self.client = client
        self._notes = notes

    async def start(self, flow: Workflow, **parameters: Any) -> UUID:
        deployment = await self.client.read_deployment_by_name(f"{flow.deployment}/{flow.deployment}")
        run = await self.client.create_flow_run_from_deployment(deployment.id, parameters=parameters)
        return run.id

    async def put_off(self, flow: Workflow, times: int) -> list[FlowRun]:
        """Runs of a flow that the clock started while no worker took any; the flow is deployed for it."""
        await runtime.register_all(self.settings, workflows=(flow,))
        deployment = await self.client.read_deployment_by_name(f"{flow.deployment}/{flow.deployment}")
        now, every = datetime.now(UTC), flow.every or timedelta(hours=1)
        asked = {"start_time": str(now - times * every), "end_time": str(now), "min_runs": times, "max_runs": times}
        answer = await self.client._client.post(f"/deployments/{deployment.id}/schedule", json=asked)
        answer.raise_for_status()
        return await self.client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
            flow_run_filter=FlowRunFilter(expected_start_time=FlowRunFilterExpectedStartTime(before_=now)),
        )

    async def state(self, run: UUID) -> str:
        state = (await self.client.read_flow_run(run)).state
        return state.name if state and state.name else ""

    async def history(self, run: UUID) -> list[str]:
        answer = await self.client._client.get("/flow_run_states/", params={"flow_run_id": str(run)})
        return [state["name"] for state in sorted(answer.json(), key=lambda state: state["timestamp"])]

    async def set_state(self, run: UUID, body: dict[str, Any]) -> None:
        """Set a state as the buttons of the UI do."""
        answer = await self.client._client.post(f"/flow_runs/{run}/set_state", json={"state": body, "force": True})
        answer.raise_for_status()

    async def press_cancel(self, run: UUID) -> None:
        await self.set_state(run, {"type": "CANCELLING", "name": "Cancelling"})

    async def press_pause(self, run: UUID) -> None:
        details = {"pause_timeout": "2099-01-01T00:00:00Z", "pause_reschedule": True}
        await self.set_state(run, {"type": "PAUSED", "name": "Suspended", "state_details": details})

    async def press_resume(self, run: UUID) -> None:
        (await self.client._client.post(f"/flow_runs/{run}/resume")).raise_for_status()

    async def left_by(self, holder: str, state: dict[str, Any], **parameters: Any) -> UUID:
        """A run as a worker that was killed leaves it."""
        run = await self.start(HOLD, **parameters)
        await self.client.update_flow_run(run, infrastructure_pid=holder)
        await self.set_state(run, state)
        return run

    def enough(self, *names: str) -> None:
        """Let these holds end."""
        sample_flows.ENOUGH.update(names)

    def notes(self, **facts: Any) -> list[dict[str, Any]]:
        lines = self._notes.read_text().splitlines() if self._notes.exists() else []
        notes = [json.loads(line) for line in lines]
        return [note for note in notes if facts.items() <= note.items()]

    async def until(self, met: Callable[[], Any]) -> None:
        """Wait until a condition over the notes is met."""
        async with asyncio.timeout(PATIENCE):
            while not met():
                await asyncio.sleep(0.02)

    async def until_state(self, run: UUID, *names: str) -> FlowRun:
        async with asyncio.timeout(PATIENCE):
            while await self.state(run) not in names:
                await asyncio.sleep(0.05)
        return await self.client.read_flow_run(run)

    @asynccontextmanager
    async def broken_line(self) -> AsyncIterator[Line]:
        """Workers that start inside the block reach the server through a line that can be cut."""
        line = Line(self.settings.prefect_port)
        proxy = await asyncio.start_server(line.carry, "127.0.0.1", 0)
        port = proxy.sockets[0].getsockname()[1]
        with runtime.prefect_for(self.settings.model_copy(update={"prefect_port": port})):
            yield line
            await engine.drain(2.0)
        line.cut()
        proxy.close()

    @asynccontextmanager
    async def worker(
        self, name: str = "tester", capacity: int = 50, dead: Dead = nobody
    ) -> AsyncIterator[SluiceWorker]:
        """A worker that takes runs inside the block and stops in an orderly way at its end."""
        worker, ready = SluiceWorker(self.settings.work_pool, name, capacity, dead), asyncio.Event()
        serving = asyncio.create_task(worker.serve(ready.set))
        try:
            await asyncio.wait({serving, asyncio.create_task(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
            yield worker
        finally:
            serving.cancel()
            await asyncio.wait({serving})


class Line:
    """A line to the server that can be cut: what a worker talks through when its API goes away."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cut = False
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        self._cut = True
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        self._cut = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._open -= {writer, far_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def telling(settings: Settings) -> AsyncIterator[None]:
    """What runs inside the block tells the Prefect of these settings: its engine keeps one line a process otherwise,
    to the server that came first."""
    await engine.drain(5.0)
    with runtime.prefect_for(settings):
        try:
            yield
        finally:
            await engine.drain(5.0)


@pytest.fixture
async def sut(prefect: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    """The runtime with the sample flows deployed, in a work pool of its own so that tests do not meet each other."""
    notes = tmp_path / "notes.jsonl"
    monkeypatch.setattr(sample_flows, "NOTES", notes)
    monkeypatch.setattr(sample_flows, "ENOUGH", set())
    settings = prefect.model_copy(update={"work_pool": f"pool-{uuid4().hex[:8]}"})
    async with telling(settings):
        await runtime.register_all(settings, workflows=(DELIVER, HOLD))
        async with get_client() as client:
            yield Runtime(settings, client, notes)
