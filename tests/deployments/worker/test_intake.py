"""How a worker looks for due runs: one question for all queues, and one each where more is due than an answer holds."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deployments.worker.intake import PAGE, Intake
from deployments.workflows import Queue

START = datetime(2026, 1, 1, tzinfo=UTC)
ROOM = {Queue.SHORT: 64, Queue.ROLLOUTS: 500}


class Pool:
    """Prefect's work pool: gives out what is due as Prefect does, the queue with the higher priority first."""

    def __init__(self, **due: int) -> None:
        self.asked: list[list[str]] = []
        self.due = {queue: [run(queue, at) for at in range(count)] for queue, count in due.items()}

    async def read_work_queues(self, work_pool_name: str) -> list[Any]:
        return [type("Named", (), {"name": name}) for name in ("short", "rollouts", "default")]

    async def request(self, _method: str, _path: str, path_params: Any, json: dict[str, Any]) -> httpx.Response:
        names, after = json["work_queue_names"], datetime.fromisoformat(json.get("scheduled_after", str(START)))
        self.asked.append(names)
        ordered = [one for name in ("short", "default", "rollouts") if name in names for one in self.due.get(name, [])]
        page = [one for one in ordered if datetime.fromisoformat(one["next_scheduled_start_time"]) >= after]
        answer = [{"work_pool_id": POOL, "work_queue_id": POOL, "flow_run": one} for one in page[: json["limit"]]]
        return httpx.Response(200, json=answer, request=httpx.Request("POST", "http://prefect"))


POOL = str(uuid4())


def run(queue: str, at: int) -> dict[str, Any]:
    times = {"next_scheduled_start_time": (START + timedelta(seconds=at)).isoformat()}
    return {"id": str(uuid4()), "flow_id": POOL, "name": f"{queue} {at}", "work_queue_name": queue, **times}


async def intake(pool: Pool) -> Intake:
    it = Intake(pool, "sluice")  # type: ignore[arg-type]
    await it.learn_queues()
    return it


async def test_a_look_is_one_question_for_all_queues() -> None:
    """Each run is in the queue that it waits in; one that is none of ours holds short flows."""
    pool = Pool(short=2, rollouts=3, default=1)
    found = await (await intake(pool)).due(ROOM, set())
    assert {queue: len(runs) for queue, runs in found.items()} == {Queue.SHORT: 3, Queue.ROLLOUTS: 3}
    assert {one.work_queue_name for one in found[Queue.ROLLOUTS]} == {"rollouts"}
    assert len(pool.asked) == 1


@pytest.mark.parametrize(("short", "rollouts"), [(PAGE, 3), (5, 3 * PAGE)])
async def test_a_queue_that_is_full_hides_no_other(short: int, rollouts: int) -> None:
    """More than an answer holds: each queue is asked for itself, and to its end where not all of it fits."""
    pool = Pool(short=short, rollouts=rollouts)
    found = await (await intake(pool)).due({Queue.SHORT: 64, Queue.ROLLOUTS: 64}, set())
    assert len({one.id for one in found[Queue.ROLLOUTS]}) == rollouts
    assert len({one.id for one in found[Queue.SHORT]}) == short
    assert Counter(map(len, pool.asked))[3] == 1


async def test_a_queue_without_room_is_not_asked_and_carried_runs_are_not_due() -> None:
    """A worker that is full of rollouts takes short flows."""
    pool = Pool(short=2, rollouts=2)
    it = await intake(pool)
    every = (await it.due(ROOM, set()))[Queue.SHORT]
    found = await it.due({Queue.SHORT: 64, Queue.ROLLOUTS: 0}, {every[0].id})
    assert {queue: [one.id for one in runs] for queue, runs in found.items()} == {Queue.SHORT: [every[1].id]}
    assert pool.asked[-1] == ["short", "default"]


@pytest.mark.parametrize(
    ("due", "room", "carried", "more"),
    [
        (2, 64, False, False),
        (64, 64, False, True),
        (2, 0, False, True),
        (2, 64, True, True),
        (0, 64, True, False),
    ],
    ids=["all fits", "full with it", "no room", "one is due again", "nothing"],
)
async def test_the_end_of_a_run_is_a_reason_to_look_only_where_something_waits(
    due: int, room: int, carried: bool, more: bool
) -> None:
    """A look costs Prefect's server as much as a state of a run."""
    pool = Pool(rollouts=due)
    it = await intake(pool)
    first = (await it.due(ROOM, set()))[Queue.ROLLOUTS][:1]
    await it.due({Queue.SHORT: 64, Queue.ROLLOUTS: room}, {run.id for run in first} if carried else set())
    assert it.more is more
