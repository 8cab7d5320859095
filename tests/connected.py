"""Connections to a cluster in memory, with real informers and leases, for the duration of a block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from blocks.connections import Connections
from blocks.connections import connected as in_this_process
from blocks.kubernetes.informers import informed
from blocks.leases.process_identity import process_identity
from blocks.leases.worker import Workers, kept
from tests.memory_cluster import MemoryCluster


@asynccontextmanager
async def connected(cluster: MemoryCluster, name: str = "test", **parts: Any) -> AsyncIterator[Connections]:
    """This process's connections; `parts` are those that the test brings."""
    async with AsyncExitStack() as stack:
        it: Any = cluster
        wired = Connections(
            cluster=it,
            seen=await stack.enter_async_context(informed(it)),
            lease=await stack.enter_async_context(kept(it, "leases", process_identity(name))),
            workers=Workers(it),
            **parts,
        )
        stack.enter_context(in_this_process(wired))
        yield wired
