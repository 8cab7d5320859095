"""Connections to a cluster in memory, with real informers and leases, for the duration of a block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from blocks.connections import Connections
from blocks.connections import connected as in_this_process
from blocks.kubernetes.informers import informed
from blocks.leases.process_identity import process_identity
from blocks.leases.worker import Workers, kept
from blocks.metrics import provider_of
from tests.memory_cluster import MemoryCluster


@dataclass
class Provided:
    """One provider for whatever is asked, of the types that there are."""

    it: Any

    def values(self, kind: str, address: str = "") -> Any:
        provider_of(kind)
        return self.it

    def counters(self, address: str = "") -> Any:
        return self.it


@asynccontextmanager
async def connected(cluster: MemoryCluster, name: str = "test", **parts: Any) -> AsyncIterator[Connections]:
    """This process's connections; `parts` are those that the test brings."""
    async with AsyncExitStack() as stack:
        it: Any = cluster
        if "git" in parts:
            parts = {"trees": parts["git"].trees} | parts
        wired = Connections(
            cluster=it,
            informers=await stack.enter_async_context(informed(it)),
            lease=await stack.enter_async_context(kept(it, "leases", process_identity(name))),
            workers=Workers(it),
            **parts,
        )
        stack.enter_context(in_this_process(wired))
        yield wired
