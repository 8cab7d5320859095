"""Connections to an API server: watches keep theirs for minutes, and must never take them from the calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from blocks.kubernetes.api_server import CALLS
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY, LEASE
from blocks.leases.worker import WorkerLease

NAMESPACES = 200
"""Each has a watch of each kind: more than any bound of connections that would do for calls."""


@dataclass
class Server:
    """An API server whose watches bring nothing and stay, and whose answers take a moment."""

    watches: int = 0
    calls: int = 0
    most: int = 0
    done: int = 0
    stuck: bool = False
    all_watched: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            stream = web.StreamResponse()
            await stream.prepare(request)
            self.watches += 1
            if self.watches == NAMESPACES:
                self.all_watched.set()
            await self.let_go.wait()
            return stream
        self.calls += 1
        self.most = max(self.most, self.calls)
        await (self.let_go.wait() if self.stuck and "canaries" in request.path else asyncio.sleep(0.01))
        self.calls -= 1
        self.done += 1
        kinds = [{"name": "leases", "kind": "Lease", "namespaced": True}]
        return web.json_response({"metadata": {"name": "shop"}, "resources": kinds})


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[Server, Cluster]]:
    it = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", it.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "current-context": "c",
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    cluster = await Cluster.connect(str(tmp_path / "kubeconfig"))
    yield it, cluster
    it.let_go.set()
    await cluster.close()
    await runner.cleanup()


async def test_a_call_is_answered_however_many_namespaces_are_watched(server: tuple[Server, Cluster]) -> None:
    it, cluster = server

    async def watch(number: int) -> None:
        async for _ in cluster.watch(CANARY, "1", f"team-{number}"):
            pass

    watches = [asyncio.create_task(watch(number)) for number in range(NAMESPACES)]
    await asyncio.wait_for(it.all_watched.wait(), 60)
    assert (await cluster.get(CANARY, "shop", "team-1"))["metadata"]["name"] == "shop"
    for each in watches:
        each.cancel()
    await asyncio.gather(*watches, return_exceptions=True)


async def test_calls_wait_for_their_turn(server: tuple[Server, Cluster]) -> None:
    it, cluster = server
    await asyncio.gather(*(cluster.get(CANARY, f"shop-{number}", "team") for number in range(4 * CALLS)))
    assert it.done == 4 * CALLS
    assert 1 < it.most <= CALLS


async def test_a_worker_s_sign_of_life_waits_behind_no_other_call(server: tuple[Server, Cluster]) -> None:
    """Hundreds of Canaries that are made at once are asked about at once: if it came after them, all of them would lose
    their right to act, and ask once more."""
    it, cluster = server
    it.stuck = True
    asked = [asyncio.create_task(cluster.get(CANARY, f"app-{number}", "test")) for number in range(3 * CALLS)]
    while it.calls < CALLS:
        await asyncio.sleep(0.01)
    lease = WorkerLease(cluster, "test", "worker")
    keeping = asyncio.create_task(lease.keep())
    async with asyncio.timeout(8):
        await lease.until_valid()
    assert (lease.valid, it.calls) == (True, CALLS)
    assert await another(cluster) == "it waits its turn"
    for task in (keeping, *asked):
        task.cancel()
    await asyncio.gather(keeping, *asked, return_exceptions=True)


async def another(cluster: Cluster) -> str:
    """What becomes of a write that is none."""
    try:
        async with asyncio.timeout(0.3):
            await cluster.patch(LEASE, "another", "test", {})
    except TimeoutError:
        return "it waits its turn"
    return "it was answered"
