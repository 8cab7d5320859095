"""Turns: one act on a Kustomization at a time in this process. Between processes the fence of its status decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

_locks: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()


@asynccontextmanager
async def turn(name: str) -> AsyncIterator[None]:
    """The turn of this Kustomization, for the duration of the block.

    Args:
        name: `namespace/name`.
    """
    key = (id(asyncio.get_running_loop()), name)
    lock = _locks.get(key)
    if lock is None:
        lock = _locks[key] = asyncio.Lock()
    async with lock:
        yield
