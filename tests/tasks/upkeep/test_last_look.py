"""Several workers ask each server no more often than one does, and no look is lost with the worker that made it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from blocks.connections import connections
from blocks.kubernetes.kinds import LEASE
from sluice.errors import ForbiddenError
from tasks.upkeep import last_look as module
from tasks.upkeep.last_look import last_look, looked
from tasks.upkeep.pace import Pace
from tests.connected import connected
from tests.memory_cluster import MemoryCluster

UIDS = [f"{number * 2654435761 % 2**32:08x}-aaaa" for number in range(20)]


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[float]]:
    made = [1_800_000_000.0]
    monkeypatch.setattr(module, "_now", lambda: made[0])
    cluster: Any = MemoryCluster()
    async with connected(cluster, router=None, metrics=None, gates=None):
        yield made


def worker(clock: list[float]) -> Pace:
    """The memory of one worker."""
    return Pace(clock=lambda: clock[0], wall=lambda: clock[0])


async def look(pace: Pace, interval: float, *, dies: bool = False) -> list[str]:
    """What one run of `reconcile` asks, in whichever worker it is."""
    before = await last_look()
    found = [uid for uid in UIDS if pace.due(uid, interval, before.since)]
    if not dies:
        await looked(before)
    return found


@pytest.mark.parametrize("workers", [1, 3])
async def test_a_source_is_asked_once_an_interval_however_many_workers_there_are(
    clock: list[float], workers: int
) -> None:
    """Two hours of runs, a minute apart or so, each in any of them: twelve looks at an interval of ten minutes."""
    chance, paces = random.Random(7), [worker(clock) for _ in range(workers)]
    asked = dict.fromkeys(UIDS, 0)
    await look(paces[0], 600.0)
    for _ in range(120):
        clock[0] += 60.0 + chance.uniform(-2.0, 2.0)
        for uid in await look(chance.choice(paces), 600.0):
            asked[uid] += 1
    assert set(asked.values()) <= {11, 12, 13}


async def test_an_interval_of_a_minute_is_asked_at_each_run(clock: list[float]) -> None:
    """Though a run comes a little early."""
    paces = [worker(clock), worker(clock)]
    await look(paces[0], 60.0)
    for number in range(10):
        clock[0] += 55.0
        assert await look(paces[number % 2], 60.0) == UIDS


async def test_what_a_worker_that_died_was_about_to_ask_is_asked_by_the_next(clock: list[float]) -> None:
    """The moment of the last look is written when it has come to its end."""
    paces = [worker(clock), worker(clock)]
    await look(paces[0], 600.0)
    clock[0] += 300.0
    lost = await look(paces[0], 600.0, dies=True)
    assert lost
    clock[0] += 60.0
    assert set(lost) <= set(await look(paces[1], 600.0))


async def test_after_a_night_without_workers_everything_is_asked(clock: list[float]) -> None:
    """And not once more by each of those that start."""
    await look(worker(clock), 600.0)
    clock[0] += 8 * 3600
    assert await look(worker(clock), 600.0) == UIDS
    clock[0] += 5.0
    assert len(await look(worker(clock), 600.0)) < 3


async def test_a_look_that_came_to_nothing_is_made_once_more(clock: list[float]) -> None:
    """At the next run, as with a memory of its own."""
    pace = worker(clock)
    await look(pace, 600.0)
    pace.forget(UIDS[0])
    clock[0] += 1.0
    assert await look(pace, 600.0) == [UIDS[0]]


async def test_a_clock_that_is_far_ahead_stops_nobody(clock: list[float]) -> None:
    """Each goes by its own memory, and the moment is put right."""
    await look(worker(clock), 600.0)
    clock[0] -= 86_400
    pace = worker(clock)
    assert await look(pace, 600.0) == UIDS
    clock[0] += 60.0
    assert len(await look(pace, 600.0)) < 10


async def test_without_a_right_to_the_lease_each_goes_by_its_own_memory(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before there was one."""

    async def refused(*_: Any) -> None:
        raise ForbiddenError("leases")

    monkeypatch.setattr(connections().cluster, "find", refused)
    pace = worker(clock)
    assert await look(pace, 600.0) == UIDS
    clock[0] += 60.0
    assert await look(pace, 600.0) == []
    assert await look(worker(clock), 600.0) == UIDS


async def test_two_installations_do_not_count_each_other_s_looks(clock: list[float]) -> None:
    """They act on other objects, and may keep their Leases in one namespace."""
    await look(worker(clock), 600.0)
    connections().scope = "other"
    assert await look(worker(clock), 600.0) == UIDS
    found = await connections().cluster.list(LEASE)
    assert {"sluice-looks", "sluice-looks-other"} <= {one["metadata"]["name"] for one in found}
