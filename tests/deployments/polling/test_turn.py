"""Of several workers one polls registries and puts back what is changed by hand, and another one goes on where it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest

from blocks.applied.applied import Applied
from blocks.applied.watches import Watches
from blocks.connections import Connections, connections
from blocks.kubernetes.informers import informed
from blocks.leases import alone as standing_by
from blocks.leases.process_identity import process_identity
from blocks.leases.worker import Workers, kept
from deployments.drift.watcher import DriftWatcher
from deployments.polling.turn import in_turn, turn_of
from tests.deployments.polling.test_poller import tags, until
from tests.tasks.images.place import Place, place

LIST = "GET /v2/shop/tags/list"


@pytest.fixture
async def sut() -> AsyncIterator[Place]:
    async with place() as made:
        made.repository(interval="1h")
        made.policy()
        made.shelf.push("shop", "1.0.0")
        yield made


async def worker(stack: AsyncExitStack, name: str, scope: str = "") -> Connections:
    """Another worker of the same cluster."""
    wired = connections()
    lease = await stack.enter_async_context(kept(wired.cluster, "leases", process_identity(name)))
    informers = await stack.enter_async_context(informed(wired.cluster))
    applied = Applied(watches=Watches(wired.cluster))
    made: Any = Connections.__new__(Connections)
    vars(made).update(vars(wired) | {"lease": lease, "informers": informers, "workers": Workers(wired.cluster)})
    vars(made).update({"applied": applied, "scope": scope})
    return made  # type: ignore[no-any-return]


def started(wired: Connections) -> asyncio.Task[None]:
    return asyncio.create_task(in_turn(wired, DriftWatcher.of(wired, acts=False).act))


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_of_three_workers_one_asks_the_registry(sut: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as one alone would; the next one goes on at once where it stops."""
    monkeypatch.setattr(standing_by, "STANDBY", 0.05)
    async with AsyncExitStack() as stack:
        workers = [await worker(stack, name) for name in "abc"]
        tasks = {wired.lease.identity: started(wired) for wired in workers}
        for turn in (1, 2):
            await until(lambda turn=turn: sut.shelf.asked.count(LIST) >= turn)  # type: ignore[misc]
            await asyncio.sleep(0.3)
            assert sut.shelf.asked.count(LIST) == turn
            (lease,) = [one for (_, _, name), one in sut.cluster.objects.items() if name == "sluice-turn"]
            await end(tasks.pop(lease["spec"]["holderIdentity"].removesuffix("/turn")))
        for task in tasks.values():
            await end(task)
    assert set(tags(sut)) == {"1.0.0"}


async def test_another_installation_has_its_own_turn(sut: Place) -> None:
    """Its objects are others: nobody else would poll them."""
    async with AsyncExitStack() as stack:
        workers = [await worker(stack, "a"), await worker(stack, "b", scope="other")]
        assert len({turn_of(wired).name for wired in workers}) == 2
        tasks = [started(wired) for wired in workers]
        await until(lambda: sut.shelf.asked.count(LIST) == 2)
        for task in tasks:
            await end(task)
