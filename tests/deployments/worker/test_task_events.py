"""What Prefect is told of task runs: each one, how it ended, and that it runs where somebody could look."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any
from uuid import uuid4

import pytest
from prefect import task_engine
from prefect.client.schemas.objects import TaskRun
from prefect.states import AwaitingRetry, Completed, Pending, Running

from deployments.worker import task_events
from deployments.worker.task_events import EMIT, brief


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Names of the states that were told, each with the one that it follows."""
    seen: list[tuple[str, Any]] = []

    def full(task_run: Any, initial_state: Any, validated_state: Any, follows: Any = None) -> str:
        seen.append((validated_state.name, follows))
        return str(validated_state.name)

    monkeypatch.setattr(task_engine, EMIT, full)
    return seen


def run() -> TaskRun:
    return TaskRun(id=uuid4(), name="shift traffic", task_key="shift", dynamic_key="0")


def emit(of: TaskRun, *states: Any) -> None:
    for state in states:
        vars(task_engine)[EMIT](task_run=of, initial_state=None, validated_state=state, follows=None)


async def test_a_task_that_is_over_in_a_moment_is_told_once(told: list[tuple[str, Any]]) -> None:
    """Most stages take milliseconds: nobody could have seen them pending or running."""
    with brief():
        emit(run(), Pending(), Running(), Completed())
    assert told == [("Completed", None)]


async def test_a_task_that_takes_its_time_is_told_to_be_running(
    told: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An analysis of ten seconds is seen while it runs, and its end is told after that."""
    monkeypatch.setattr(task_events, "MOMENT", 0.001)
    with brief():
        it = run()
        emit(it, Pending(), Running())
        while not told:
            await asyncio.sleep(0.001)
        emit(it, Completed())
    assert told == [("Running", None), ("Completed", "Running")]


async def test_a_retry_is_told(told: list[tuple[str, Any]]) -> None:
    """That something had to be tried again is what people look for."""
    with brief():
        it = run()
        emit(it, Pending(), Running(), AwaitingRetry(), Running(), Completed())
    assert [name for name, _ in told] == ["AwaitingRetry", "Completed"]


def test_outside_of_the_block_everything_is_told(told: list[tuple[str, Any]]) -> None:
    """Only flows that sluice's worker runs are told briefly."""
    with brief():
        pass
    emit(run(), Pending(), Completed())
    assert [name for name, _ in told] == ["Pending", "Completed"]


def test_the_engine_still_tells_by_the_name_that_is_replaced() -> None:
    """A Prefect that tells in another way would be told in full."""
    source = inspect.getsource(task_engine.AsyncTaskRunEngine.set_state)
    assert f"self._last_event = {EMIT}(" in source
    assert list(inspect.signature(vars(task_engine)[EMIT]).parameters) == [
        "task_run",
        "initial_state",
        "validated_state",
        "follows",
    ]


async def test_that_a_task_has_completed_is_not_said_again_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Its row says so. What a task writes itself, and how one failed, is in the log."""
    lines = logging.getLogger("prefect.task_runs")
    said = ["Finished in state Completed()", "Finished in state Failed('no route')", "weight 10"]
    with caplog.at_level(logging.INFO, "prefect.task_runs"), brief():
        lines.info(said[0])
        lines.error(said[1])
        lines.info(said[2])
    assert [record.getMessage() for record in caplog.records] == said[1:]
    lines.info(said[0])
    assert caplog.records[-1].getMessage() == said[0]


def test_the_engine_still_says_in_these_words_that_a_task_has_completed() -> None:
    """Another wording would be a line a task again."""
    source = inspect.getsource(task_engine)
    assert 'msg = f"Finished in state {display_state}"' in source
    assert f"Finished in state {Completed()!s}".startswith(task_events.COMPLETED)
