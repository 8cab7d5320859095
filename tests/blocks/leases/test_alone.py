"""Work that one of several workers does at a time: taken over when its holder dies, and dropped by who lost the right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from blocks.leases import alone as module
from blocks.leases import worker as worker_lease
from blocks.leases.alone import alone
from blocks.leases.lease import Lease
from tests.blocks.leases.test_lease import Ground, ground  # noqa: F401 - the fixture


class Work:
    """What a worker does while it holds the lease."""

    def __init__(self, name: str, doing: list[str]) -> None:
        self.name, self.doing = name, doing

    async def __call__(self) -> None:
        self.doing.append(self.name)
        try:
            await asyncio.Event().wait()
        finally:
            self.doing.remove(self.name)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STANDBY", 0.02)
    monkeypatch.setattr(module, "LOOK", 0.01)


async def started(ground: Ground, name: str, doing: list[str]) -> tuple[Lease, asyncio.Task[None]]:  # noqa: F811
    lease = await ground.lease(await ground.worker(name))
    return lease, asyncio.create_task(alone(lease, Work(name, doing)))


async def test_of_three_workers_one_does_it_and_another_when_that_one_stops(ground: Ground) -> None:  # noqa: F811
    """In order: one that stops gives it back, and nobody waits for a time to be over."""
    doing: list[str] = []
    ways = {name: (await started(ground, name, doing))[1] for name in "abc"}
    for _ in range(3):
        await until(lambda: len(doing) == 1)
        await asyncio.sleep(0.1)
        assert len(doing) == 1
        await end(ways.pop(doing[0]))
        assert len(doing) <= 1
    assert doing == []


async def test_who_has_lost_the_lease_stops_and_waits_for_its_turn(ground: Ground) -> None:  # noqa: F811
    """Its worker was taken for dead: another has claimed the lease, by then nothing is done twice."""
    doing: list[str] = []
    lost, first = await started(ground, "a", doing)
    await until(lambda: doing == ["a"])
    lost.worker._valid_until = 0.0
    await until(lambda: doing == [])
    await end(first)
    _, second = await started(ground, "b", doing)
    await until(lambda: doing == ["b"])
    await lost.worker.renew()
    again = asyncio.create_task(alone(lost, Work("a", doing)))
    await asyncio.sleep(0.1)
    assert doing == ["b"]
    await end(second)
    await until(lambda: doing == ["a"])
    await end(again)


async def test_one_that_died_is_followed_when_its_sign_of_life_has_run_out(
    ground: Ground,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not before: it may only be slow."""
    clock, doing = [1000.0], list[str]()
    monkeypatch.setattr(worker_lease, "now", lambda: clock[0])
    assert await (await ground.lease(await ground.worker("a"))).try_claim()
    lease, task = await started(ground, "b", doing)
    await asyncio.sleep(0.2)
    clock[0] += worker_lease.DURATION - 1
    await lease.worker.renew()
    await asyncio.sleep(0.2)
    assert doing == []
    clock[0] += 2
    await lease.worker.renew()
    await until(lambda: doing == ["b"])
    await end(task)


async def test_what_fails_gives_the_lease_back(ground: Ground) -> None:  # noqa: F811
    """Its error is the caller's to handle; the next one need not wait."""

    async def fails() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await alone(await ground.lease(await ground.worker("a")), fails)
    doing: list[str] = []
    _, task = await started(ground, "b", doing)
    await until(lambda: doing == ["b"])
    await end(task)
