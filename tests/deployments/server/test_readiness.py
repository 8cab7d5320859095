"""That queues and deployments are ready is written now and then, and at once where it changes."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from docket import Docket
from prefect.server.api import workers
from prefect.server.models.deployments import mark_deployments_ready
from prefect.server.models.work_queues import mark_work_queues_ready
from prefect.server.services import foreman
from prefect.settings import get_current_settings

from deployments.server import readiness

POOL, QUEUE = "of the pool", uuid4()


@pytest.fixture
async def docket(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Docket, list[str]]]:
    """Prefect's list of jobs, and the names of those that were put on it."""
    put: list[str] = []
    add = Docket.add

    def counted(self: Docket, function: Any, *args: Any, **options: Any) -> Any:
        schedule = add(self, function, *args, **options)

        async def scheduled(*given: Any, **about: Any) -> Any:
            put.append(function.__name__)
            return await schedule(*given, **about)

        return scheduled

    monkeypatch.setattr(Docket, "add", counted)
    readiness.write_readiness_now_and_then()
    async with Docket(name=uuid4().hex, url="memory://") as made:
        yield made, put


async def look(docket: Docket, *, ready: Any = ()) -> None:
    """As Prefect's server does for each look of a worker."""
    polled = [QUEUE] if not ready else []
    about: dict[str, Any] = {"polled_work_queue_ids": polled, "ready_work_queue_ids": list(ready)}
    await docket.add(mark_work_queues_ready, key=f"queues {POOL}")(**about)
    await docket.add(mark_deployments_ready, key=f"deployments {POOL}")(work_queue_ids=[QUEUE])


async def test_many_looks_write_once(docket: tuple[Docket, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """And again after a while."""
    jobs, put = docket
    for _ in range(5):
        await look(jobs)
    assert put == ["mark_work_queues_ready", "mark_deployments_ready"]
    monkeypatch.setattr(readiness, "EVERY", 0.0)
    await look(jobs)
    assert len(put) == 4


async def test_a_queue_that_was_not_ready_is_ready_at_once(docket: tuple[Docket, list[str]]) -> None:
    """Each time: people see that its worker is back."""
    jobs, put = docket
    await look(jobs)
    await look(jobs, ready=[QUEUE])
    await look(jobs, ready=[QUEUE])
    assert put.count("mark_work_queues_ready") == 3


async def test_another_job_is_done_each_time(docket: tuple[Docket, list[str]]) -> None:
    """Only these two are spared."""
    jobs, put = docket

    async def other() -> None:
        """Does nothing."""

    for _ in range(3):
        await jobs.add(other)()
    assert put == ["other"] * 3


def test_prefect_still_puts_these_jobs_on_its_list_at_each_look() -> None:
    """By these names and with these words; and what is written is missed much later than it is written again."""
    source = inspect.getsource(workers.get_scheduled_flow_runs)
    for name in ("mark_work_queues_ready", "mark_deployments_ready", "ready_work_queue_ids=", "work_queue_ids="):
        assert name in source
    assert (vars(workers)["mark_work_queues_ready"], vars(workers)["mark_deployments_ready"]) == readiness.WRITERS
    missed_after = get_current_settings().server.services.foreman
    assert "deployment_last_polled_timeout_seconds" in inspect.getsource(foreman)
    assert missed_after.deployment_last_polled_timeout_seconds >= 6 * readiness.EVERY
    assert missed_after.work_queue_last_polled_timeout_seconds >= 6 * readiness.EVERY
