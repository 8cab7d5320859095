"""States that people set by force, runs that they delete, and runs that they try again, against a real Prefect server."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from deployments.worker import observer
from tests.deployments.conftest import HOLD, Runtime

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """An end by force is looked for twice a second, and not every ten."""
    monkeypatch.setattr(observer, "HEARD_LOOK_EVERY", 0.5)


async def started(sut: Runtime, name: str, times: int = 1) -> None:
    await sut.until(lambda: len(sut.notes(name=name, event="started")) == times)


async def others(sut: Runtime, run: UUID) -> list[Any]:
    found = await sut.client.read_flow_runs()
    return [one for one in found if f"instead of {run}" in one.tags]


@pytest.mark.parametrize("state", ["Failed", "Completed", "Crashed"])
async def test_a_run_that_is_given_an_end_by_force_is_carried_on_by_another_one(sut: Runtime, state: str) -> None:
    """Within seconds: the code of the first stops without cleaning up, then the second begins; never two at once."""
    async with sut.worker():
        run = await sut.start(HOLD, name="a")
        await started(sut, "a")
        await sut.set_state(run, {"type": state.upper(), "name": state, "message": "by hand"})
        await started(sut, "a", 2)
        events = [note["event"] for note in sut.notes(name="a") if note["event"] in {"started", "cleaned up"}]
        assert events == ["started", "cleaned up", "started"]
        assert sut.notes(event="cleaned up", cancelled=False, leaving=True)
        assert await sut.state(run) == state
        (other,) = await others(sut, run)
        assert other.name == (await sut.client.read_flow_run(run)).name
        sut.enough("a")
        await sut.until_state(other.id, "Completed")
    assert await sut.state(run) == state


async def test_a_run_that_is_deleted_is_carried_on_by_another_one(sut: Runtime) -> None:
    """The bin in the UI is no way to stop a rollout in the middle."""
    async with sut.worker():
        run = await sut.start(HOLD, name="a")
        await started(sut, "a")
        await sut.client.delete_flow_run(run)
        await started(sut, "a", 2)
        (other,) = await others(sut, run)
        sut.enough("a")
        await sut.until_state(other.id, "Completed")


async def test_cancelled_by_force_is_a_cancel(sut: Runtime) -> None:
    """The code cleans up, and nothing carries it on."""
    async with sut.worker():
        run = await sut.start(HOLD, name="a")
        await started(sut, "a")
        await sut.set_state(run, {"type": "CANCELLED", "name": "Cancelled"})
        await sut.until(lambda: sut.notes(event="cleaned up", cancelled=True))
        await sut.until_state(run, "Cancelled")
        assert not await others(sut, run)


async def test_a_run_that_ends_by_itself_is_not_carried_on(sut: Runtime) -> None:
    """Its end is its own."""
    async with sut.worker():
        runs = [await sut.start(HOLD, name=str(number)) for number in range(5)]
        for number, run in enumerate(runs):
            await started(sut, str(number))
            sut.enough(str(number))
            await sut.until_state(run, "Completed")
        await asyncio.sleep(2.5)  # a look and a half
        assert not [one for run in runs for one in await others(sut, run)]


async def test_retry_from_the_ui_is_known_from_going_on_after_a_crash(sut: Runtime) -> None:
    """Both start the same run once more; only one of them is a wish."""
    sut.enough("a")
    async with sut.worker():
        run = await sut.start(HOLD, name="a")
        await sut.until_state(run, "Completed")
        await sut.set_state(run, {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"})
        await started(sut, "a", 2)
        await sut.until_state(run, "Completed")
    left = await sut.left_by("tester:1:dead", {"type": "RUNNING", "name": "Running"}, name="b")
    sut.enough("b")
    async with sut.worker():
        await sut.until_state(left, "Completed")
    assert [note["tries"] for note in sut.notes(name="a", event="started")] == [0, 1]
    assert [note["tries"] for note in sut.notes(name="b", event="started")] == [0]
