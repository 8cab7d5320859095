"""The readers of the server's event bus: each gets what concerns it, and is spared the rest."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.server.events import stream, triggers
from prefect.server.events.filters import EventFilter, EventNameFilter
from prefect.server.events.services import event_persister
from prefect.server.events.services.triggers import ReactiveTriggers
from prefect.server.services import task_run_recorder
from prefect.server.utilities.messaging.memory import MemoryMessage

from deployments.server import bus
from tests.deployments.conftest import DELIVER, HOLD, PATIENCE, Runtime

COMPLETED, RUNNING = "prefect.task-run.Completed", "prefect.flow-run.Running"


@pytest.mark.parametrize(
    ("module", "name", "called"),
    [
        (event_persister, "create_handler", event_persister.EventPersister.start),
        (triggers, "consumer", ReactiveTriggers.start),
        (task_run_recorder, "consumer", task_run_recorder.TaskRunRecorder.start),
        (stream, "distributor", stream.run_distributor),
    ],
    ids=["persister", "triggers", "recorder", "distributor"],
)
def test_each_service_still_asks_for_its_reader_by_that_name(module: Any, name: str, called: Any) -> None:
    """It would otherwise read every event again."""
    assert callable(vars(module)[name])
    assert f"{name}(" in inspect.getsource(called)


@pytest.mark.parametrize(
    ("event", "stored"),
    [
        (COMPLETED, False),
        ("prefect.artifact.created", False),
        ("prefect.artifact-collection.updated", False),
        (RUNNING, True),
        ("prefect.automation.action.executed", True),
        ("sluice.target.changed", True),
        ("prefect.task-runner.mine", True),
    ],
)
def test_what_has_a_row_of_its_own_is_not_stored_twice(event: str, stored: bool) -> None:
    """Everything else is in the event feed."""
    assert bus.is_stored(event) is stored


@pytest.mark.parametrize(
    ("waited_for", "read"),
    [
        ("sluice.target.changed", False),
        ("prefect.flow-run.Failed", False),
        (COMPLETED, True),
        ("prefect.task-run.Failed", True),
        ("prefect.task-run.*", True),
        ("prefect.*", True),
        ("*", True),
        ("*.Completed", True),
        ("prefect.task-r?n.Completed", True),
    ],
)
def test_what_no_automation_waits_for_is_not_read(monkeypatch: pytest.MonkeyPatch, waited_for: str, read: bool) -> None:
    """By families: an event is handled after the one that it follows."""
    monkeypatch.setitem(vars(triggers), "_triggers_by_expect", {waited_for: {uuid4()}})
    assert bus.may_start_something(COMPLETED) is read


@pytest.mark.parametrize(
    ("wanted", "listened"),
    [
        (EventFilter(), True),
        (EventFilter(event=EventNameFilter(name=[RUNNING])), False),
        (EventFilter(event=EventNameFilter(name=[RUNNING, COMPLETED])), True),
        (EventFilter(event=EventNameFilter(prefix=["prefect.task-run"])), True),
        (EventFilter(event=EventNameFilter(exclude_prefix=["prefect.task-run"])), False),
    ],
    ids=["all", "another", "it", "its family", "all but its family"],
)
def test_what_no_websocket_listens_to_is_not_read(
    monkeypatch: pytest.MonkeyPatch, wanted: EventFilter, listened: bool
) -> None:
    """A UI that shows the event feed gets all of it."""
    queue: Any = asyncio.Queue()
    monkeypatch.setattr(stream, "filters", {queue: wanted})
    assert bus.is_listened_to(COMPLETED) is listened


async def test_a_reader_gets_what_it_wants_and_what_has_no_name() -> None:
    """A message without a name is left to the reader."""
    got: list[Any] = []

    class Reader:
        async def __aenter__(self) -> Any:
            async def handler(message: MemoryMessage) -> None:
                got.append(message.data)

            return handler

        async def __aexit__(self, *_: object) -> None:
            got.append("closed")

    async with bus._only(Reader, bus.is_of_a_task_run)() as handle:
        await handle(MemoryMessage(b"1", {"event": COMPLETED}))
        await handle(MemoryMessage(b"2", {"event": RUNNING}))
        await handle(MemoryMessage(b"3", {}))
    assert got == [b"1", b"3", "closed"]


@pytest.mark.server
async def test_task_runs_are_recorded_and_start_what_waits_for_them(sut: Runtime) -> None:
    """On a real server: an automation on a task run fires, its row is there, and the event feed does not repeat it."""
    marker = uuid4().hex
    deployment = await sut.client.read_deployment_by_name(f"{DELIVER.deployment}/{DELIVER.deployment}")
    parameters = {"image": "shop", "tag": marker, "digest": ""}
    automation = await sut.client.create_automation(
        AutomationCore(
            name=marker,
            trigger=EventTrigger(expect={COMPLETED}, posture=Posture.Reactive, threshold=1),
            actions=[RunDeployment(source="selected", deployment_id=deployment.id, parameters=parameters)],
        )
    )
    try:
        async with sut.worker():
            run = await sut.start(HOLD, name=marker)
            await sut.until(lambda: sut.notes(tag=marker))
            sut.enough(marker)
            await sut.until_state(run, "Completed")
    finally:
        await sut.client.delete_automation(automation)
    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    async with asyncio.timeout(PATIENCE):
        while not await sut.client.read_task_runs(flow_run_filter=of_run):
            await asyncio.sleep(0.1)

    async def stored(prefix: str) -> list[str]:
        about = {"any_resource": {"id": [f"prefect.flow-run.{run}"]}, "event": {"prefix": [prefix]}}
        answer = await sut.client.request("POST", "/events/filter", json={"filter": about, "limit": 50})
        return [event["event"] for event in answer.json()["events"]]

    async with asyncio.timeout(PATIENCE):
        while "prefect.flow-run.Completed" not in await stored("prefect.flow-run."):
            await asyncio.sleep(0.1)
    assert await stored("prefect.task-run.") == []
