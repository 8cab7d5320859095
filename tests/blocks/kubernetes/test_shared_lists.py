"""Many who ask for a list at the same time share one, and none is given what was there before it asked."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from blocks.kubernetes.informers import Informers
from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.errors import TransientError


class Slow:
    """A cluster whose lists take until they are let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Event()
        self.away = False

    async def list(self, kind: Any) -> list[dict[str, Any]]:
        self.begun += 1
        found = [{"list": self.begun}]
        await self.go.wait()
        if self.away:
            raise TransientError("away")
        return found


async def asked(informers: Informers, times: int) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(informers.listed(KUSTOMIZATION)) for _ in range(times)]
    await asyncio.sleep(0.01)
    return tasks


async def test_a_list_is_shared_by_those_who_asked_before_it_began() -> None:
    """Sixty syncs that begin while one list is under way are one more list, which begins when that is done."""
    cluster: Any = Slow()
    informers = Informers(cluster)
    first = await asked(informers, 1)
    later = await asked(informers, 60)
    assert cluster.begun == 1
    cluster.go.set()
    assert await first[0] == [{"list": 1}]
    assert await asyncio.gather(*later) == [[{"list": 2}]] * 60


async def test_who_is_cancelled_takes_the_list_from_nobody() -> None:
    """And a list that fails fails for those who share it, not for the next."""
    cluster: Any = Slow()
    informers = Informers(cluster)
    gone, stays = await asked(informers, 2)
    gone.cancel()
    cluster.away = True
    cluster.go.set()
    with pytest.raises(TransientError):
        await stays
    cluster.away = False
    assert await informers.listed(KUSTOMIZATION) == [{"list": 2}]


async def test_a_list_is_not_held_once_it_was_given() -> None:
    """It has all objects of a kind, and the next who asks wants those of then."""

    class Found(list[Any]):
        """A list that can be looked for."""

    class Quick:
        async def list(self, kind: Any) -> Any:
            return Found([{"kind": kind}])

    cluster: Any = Quick()
    informers = Informers(cluster)
    found = weakref.ref(await informers.listed(KUSTOMIZATION))
    await asyncio.sleep(0)
    gc.collect()
    assert found() is None
