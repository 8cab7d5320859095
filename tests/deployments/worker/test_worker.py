"""What the in-process worker promises, against a real Prefect server."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from deployments.worker import engine, observer, worker
from deployments.worker.identity import Identity
from tests.deployments.conftest import DELIVER, HOLD, LOOK, Runtime

pytestmark = pytest.mark.server

DEAD = "tester:1:dead"


async def test_a_due_run_is_run_with_its_parameters_and_completes(sut: Runtime) -> None:
    """What is started in the UI or by an automation runs, and its texts arrive as they were."""
    async with sut.worker():
        run = await sut.start(DELIVER, image="registry/shop", tag="1.10", digest="sha256:0")
        await sut.until_state(run, "Completed")
    assert [(n["image"], n["tag"]) for n in sut.notes(flow="deliver")] == [("registry/shop", "1.10")]


async def test_two_workers_never_run_one_run_twice(sut: Runtime) -> None:
    """A run is claimed before its code starts: of two workers that find it at once, one gets it."""
    sut.enough(*map(str, range(8)))
    runs = [await sut.start(HOLD, name=str(index)) for index in range(8)]
    async with sut.worker("one"), sut.worker("two"):
        for run in runs:
            await sut.until_state(run, "Completed")
    assert Counter(n["name"] for n in sut.notes(event="started")) == {str(index): 1 for index in range(8)}


async def test_cancel_runs_the_cleanup_and_ends_in_cancelled(sut: Runtime) -> None:
    """Cancel in the UI stops the code where it waits, its cleanup runs, and the run never passes through Crashed."""
    async with sut.worker():
        run = await sut.start(HOLD, name="a")
        await sut.until(lambda: sut.notes(event="started"))
        await sut.press_cancel(run)
        await sut.until_state(run, "Cancelled")
    assert sut.notes(event="cleaned up", cancelled=True)
    assert "Crashed" not in await sut.history(run)


async def test_pause_holds_the_code_and_resume_lets_it_go_on_without_a_second_start(sut: Runtime) -> None:
    """Pause in the UI is a mark that the running code reads; Resume takes it away; the code is started once."""
    async with sut.worker():
        run = await sut.start(HOLD, name="a")
        await sut.until(lambda: sut.notes(event="started"))
        await sut.press_pause(run)
        await sut.until(lambda: sut.notes(event="paused"))
        held = await sut.until_state(run, "Paused")
        assert held.state is not None
        assert held.state.state_details.pause_timeout is None  # or Prefect would fail the run at that time
        await sut.press_resume(run)
        await sut.until(lambda: sut.notes(event="resumed"))
        assert await sut.state(run) == "Running"
        sut.enough("a")
        await sut.until_state(run, "Completed")
    assert len(sut.notes(event="started")) == 1


async def test_a_resume_that_comes_at_once_starts_nothing_twice(sut: Runtime) -> None:
    """Resume before the worker saw the pause puts the run on the schedule; the code that runs is left to go on."""
    async with sut.worker():
        run = await sut.start(HOLD, name="a")
        await sut.until(lambda: sut.notes(event="started"))
        await sut.press_pause(run)
        await sut.press_resume(run)
        await sut.until_state(run, "Running")
        sut.enough("a")
        await sut.until_state(run, "Completed")
    assert len(sut.notes(event="started")) == 1


async def test_a_resumed_run_is_not_taken_from_the_worker_that_holds_it(
    sut: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resume may put a run on the schedule while its code runs elsewhere; other workers leave it there."""
    monkeypatch.setattr(observer, "LOOK_EVERY", 0.2)
    now = datetime.now(UTC).isoformat()
    resuming = {"type": "SCHEDULED", "name": "Resuming", "state_details": {"scheduled_time": now}}
    run = await sut.left_by("other:1:alive", resuming, name="a")
    async with sut.worker():
        await asyncio.sleep(0.8)
    assert not sut.notes(event="started")
    assert await sut.state(run) == "Resuming"


async def test_a_run_that_ends_while_the_api_is_away_gets_its_end_later(sut: Runtime) -> None:
    """The code goes on without Prefect, and its final state is told until it is heard."""
    async with sut.broken_line() as line, sut.worker():
        run = await sut.start(HOLD, name="a")
        await sut.until(lambda: sut.notes(event="started"))
        line.cut()
        sut.enough("a")
        await sut.until(lambda: sut.notes(event="ended"))
        assert await sut.state(run) == "Running"
        line.mend()
        await sut.until_state(run, "Completed")
    assert len(sut.notes(event="started")) == 1


async def test_a_paused_run_can_be_cancelled(sut: Runtime) -> None:
    """Pause, think, Cancel: the cleanup runs as from Running."""
    async with sut.worker():
        run = await sut.start(HOLD, name="a")
        await sut.until(lambda: sut.notes(event="started"))
        await sut.press_pause(run)
        await sut.until(lambda: sut.notes(event="paused"))
        await sut.press_cancel(run)
        await sut.until_state(run, "Cancelled")
    assert sut.notes(event="cleaned up", cancelled=True)


async def test_a_worker_that_stops_hands_its_runs_on(sut: Runtime) -> None:
    """An orderly stop takes nothing back: the code learns that it leaves, and the same run goes on in the next worker."""
    async with sut.worker():
        run = await sut.start(HOLD, name="a")
        await sut.until(lambda: sut.notes(event="started"))
    assert sut.notes(event="cleaned up", cancelled=False, leaving=True)
    assert await sut.state(run) == "AwaitingRetry"
    sut.enough("a")
    async with sut.worker():
        await sut.until_state(run, "Completed")
    assert sut.notes(event="ended")


async def test_runs_of_a_killed_worker_go_on_under_its_name(sut: Runtime) -> None:
    """What an earlier life left Running or Pending goes on; what another worker holds is left alone."""
    sut.enough("running", "pending", "foreign")
    running = await sut.left_by(DEAD, {"type": "RUNNING", "name": "Running"}, name="running")
    pending = await sut.left_by("", {"type": "PENDING", "message": f"claimed by {DEAD}"}, name="pending")
    foreign = await sut.left_by("other:1:alive", {"type": "RUNNING", "name": "Running"}, name="foreign")
    async with sut.worker():
        await sut.until_state(running, "Completed")
        await sut.until_state(pending, "Completed")
    assert await sut.state(foreign) == "Running"
    assert {n["name"] for n in sut.notes(event="started")} == {"running", "pending"}


async def test_a_cancel_that_met_a_killed_worker_still_cleans_up(sut: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelling survives the worker: the code is started only to clean up, knows it, and ends in Cancelled."""
    monkeypatch.setattr(worker, "CLEANUP_AFTER", 0.5)
    run = await sut.left_by(DEAD, {"type": "CANCELLING", "name": "Cancelling"}, name="a")
    async with sut.worker():
        await sut.until_state(run, "Cancelled")
    assert sut.notes(event="started", cancelled=True)
    assert sut.notes(event="cleaned up", cancelled=True)
    assert "Running" not in await sut.history(run)


async def test_a_pause_outlives_the_worker(sut: Runtime) -> None:
    """A run that was on hold when its worker died is on hold in the next one, until somebody resumes it."""
    details = {"pause_timeout": "2099-01-01T00:00:00Z", "pause_reschedule": True}
    suspended = {"type": "PAUSED", "name": "Suspended", "state_details": details}
    run = await sut.left_by(DEAD, suspended, name="a")
    async with sut.worker():
        await sut.until(lambda: sut.notes(event="started", paused=True))
        assert await sut.state(run) == "Paused"
        await sut.press_resume(run)
        await sut.until(lambda: sut.notes(event="resumed"))
        sut.enough("a")
        await sut.until_state(run, "Completed")
    assert len(sut.notes(event="started")) == 1


async def test_no_more_runs_than_the_capacity_are_carried(sut: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its capacity a worker leaves runs to others, or for later."""
    monkeypatch.setattr(observer, "LOOK_EVERY", 0.2)
    async with sut.worker(capacity=1):
        first = await sut.start(HOLD, name="first")
        await sut.until(lambda: sut.notes(name="first"))
        second = await sut.start(HOLD, name="second")
        await asyncio.sleep(0.8)  # the worker had its chances to take it
        sut.enough("first", "second")
        await sut.until_state(first, "Completed")
        await sut.until_state(second, "Completed")
    order = [(n["name"], n["event"]) for n in sut.notes()]
    assert order.index(("first", "ended")) < order.index(("second", "started"))


async def test_a_run_costs_no_thread_and_no_signal_handler(sut: Runtime) -> None:
    """Hundreds of runs fit because a run is one asyncio task; and SIGTERM stays with the command line."""
    async with sut.worker():
        before, handler = threading.active_count(), signal.getsignal(signal.SIGTERM)
        for index in range(10):
            await sut.start(HOLD, name=str(index))
        await sut.until(lambda: len(sut.notes(event="started")) == 10)
        assert threading.active_count() < before + 10
        assert signal.getsignal(signal.SIGTERM) is handler


async def test_a_flow_that_cannot_be_loaded_ends_with_the_reason(sut: Runtime) -> None:
    """A run that can never work does not wait for ever."""
    deployment = await sut.client.read_deployment_by_name("sample_hold/sample_hold")
    answer = await sut.client._client.patch(
        f"/deployments/{deployment.id}", json={"entrypoint": "tests.deployments.nowhere.flow"}
    )
    answer.raise_for_status()
    async with sut.worker():
        run = await sut.start(HOLD, name="a")
        ended = await sut.until_state(run, "Crashed")
    assert ended.state is not None
    assert "nowhere" in (ended.state.message or "")


@pytest.mark.parametrize(("times", "end"), [(1, "Completed"), (2, "Crashed")])
async def test_a_run_whose_engine_breaks_is_tried_once_more(
    sut: Runtime, monkeypatch: pytest.MonkeyPatch, times: int, end: str
) -> None:
    """A server killed in the middle of an answer breaks Prefect's engine once; what breaks it again is no accident."""
    really, broken = engine.run, []

    async def run(*args: Any) -> Any:
        if len(broken) < times:
            broken.append(args)
            raise AttributeError("'NoneType' object has no attribute 'is_completed'")
        return await really(*args)

    monkeypatch.setattr(engine, "run", run)
    async with sut.worker():
        started = await sut.start(DELIVER, image="registry/shop", tag="1", digest="sha256:0")
        ended = await sut.until_state(started, end)
    assert len(broken) == times
    assert "AwaitingRetry" in await sut.history(started)
    assert ended.state is not None
    assert times == 1 or "engine gave up" in (ended.state.message or "")


async def test_short_flows_do_not_wait_behind_rollouts(sut: Runtime) -> None:
    """A worker full of rollouts still delivers at once."""
    async with sut.worker(capacity=1):
        await sut.start(HOLD, name="long")
        await sut.until(lambda: sut.notes(name="long"))
        await sut.start(HOLD, name="waits")
        short = await sut.start(DELIVER, image="registry/shop", tag="1", digest="sha256:0")
        await sut.until_state(short, "Completed")
        assert not sut.notes(name="waits")


async def test_of_two_queued_rollouts_of_one_canary_only_the_newest_runs(sut: Runtime) -> None:
    """The older one ends at once, with a name and a reason that people can read."""
    sut.enough("old", "new")
    old = await sut.start(HOLD, name="old", namespace="a", canary="x")
    new = await sut.start(HOLD, name="new", namespace="a", canary="x")
    async with sut.worker():
        await sut.until_state(new, "Completed")
        ended = await sut.until_state(old, "Superseded")
    assert ended.state is not None
    assert ended.state.is_completed()
    assert "waited for the same Canary" in (ended.state.message or "")
    assert [n["name"] for n in sut.notes(event="started")] == ["new"]


async def test_looks_that_were_put_off_for_hours_are_one(sut: Runtime) -> None:
    """The newest runs; the others are gone, for a row of each says nothing to anybody."""
    late = sorted(await sut.put_off(LOOK, 5), key=lambda run: str(run.expected_start_time))
    assert len(late) == 5
    async with sut.worker() as it:
        await sut.until_state(late[-1].id, "Completed")
        await sut.until(lambda: not it._carried)
    left = await sut.client.read_flow_runs()
    assert {run.id for run in left} & {run.id for run in late} == {late[-1].id}
    assert len(sut.notes(flow="look")) == 1


async def test_runs_of_a_dead_worker_go_on_in_another(sut: Runtime) -> None:
    """As soon as a worker is known to be dead, the others take its runs up; those of the living are left alone."""
    dead: set[Identity] = set()

    async def known() -> set[Identity]:
        return dead

    sut.enough("lost", "theirs")
    lost = await sut.left_by("other:7:life", {"type": "RUNNING", "name": "Running"}, name="lost")
    theirs = await sut.left_by("third:8:life", {"type": "RUNNING", "name": "Running"}, name="theirs")
    newer = await sut.left_by("other:7:newer", {"type": "RUNNING", "name": "Running"}, name="newer")
    async with sut.worker(dead=known):
        await asyncio.sleep(0.5)
        assert not sut.notes(event="started")
        dead.add(Identity("other", 7, "life"))
        await sut.until_state(lost, "Completed")
        assert await sut.state(theirs) == "Running"
        assert await sut.state(newer) == "Running", "a pod that starts again has its name and process id, and lives"
    assert [n["name"] for n in sut.notes(event="started")] == ["lost"]


async def test_a_worker_that_was_taken_for_dead_leaves_its_runs_to_the_other(
    sut: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was stopped for a while comes back: the run is carried by another one, so it stops here in silence."""
    monkeypatch.setattr(worker, "SWEEP_EVERY", 0.5)
    async with sut.worker() as one:
        run = await sut.start(HOLD, name="a")
        await sut.until(lambda: sut.notes(event="started"))
        await sut.client.update_flow_run(run, infrastructure_pid="other:7:life")
        here = one._carried[run]
        await sut.until(lambda: here.signals.lost)
        await sut.until(lambda: sut.notes(event="cleaned up", leaving=True))
        assert await sut.state(run) == "Running"
