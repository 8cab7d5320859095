"""Months of an installation in minutes: looks and releases at a real Prefect server, whose days pass when they are over.

A day is some of its looks and its release. Then everything that Prefect has stored becomes a day older, in its database,
and its own clearing service, which looks every second here, deletes what is due.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import tags
from prefect.context import _temporary_global_settings_context, get_settings_context
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.server import embedded
from deployments.server.embedded import EmbeddedServer
from deployments.server.retention import retention
from deployments.worker import engine
from flows.reconcile import reconcile
from flows.roll_out import roll_out
from tasks.upkeep import forget_idle_runs
from tasks.upkeep.pace import Pace
from tests.connected import Provided, connected
from tests.flows.test_roll_out_laws import IMAGES, World
from tests.memory_cluster import MemoryCluster, MemoryServices
from tests.prefect_server import START_WITHIN_S, free_port
from tests.samples import NAME, NAMESPACE

DAY = 24 * 3600.0
TABLES = ("flow_run", "flow_run_state", "task_run", "task_run_state", "log", "artifact", "events", "event_resources")
AGES = {"flow_run": ("start_time", "end_time"), "events": ("occurred",), "event_resources": ("occurred",)}
SETTLED_WITHIN = 300.0


@dataclass(frozen=True)
class Reading:
    """What an installation weighs at the end of a day.

    Attributes:
        rows: of each table of Prefect's database.
        memory: bytes that Python holds in this process, which carries all flows.
        files: in the server's folder.
        calls: to Prefect's API on that day.
        requests: to the cluster on that day.
    """

    rows: dict[str, int]
    memory: int
    files: int
    calls: int
    requests: int


class Counting(MemoryCluster):
    """A cluster that counts what it is asked."""

    asked = 0

    async def get(self, *args: Any, **kwargs: Any) -> Any:
        self.asked += 1
        return await super().get(*args, **kwargs)

    async def list_from(self, *args: Any, **kwargs: Any) -> Any:
        self.asked += 1
        return await super().list_from(*args, **kwargs)

    async def patch(self, *args: Any, **kwargs: Any) -> Any:
        self.asked += 1
        return await super().patch(*args, **kwargs)

    async def apply(self, *args: Any, **kwargs: Any) -> Any:
        self.asked += 1
        return await super().apply(*args, **kwargs)


@dataclass
class Installation:
    """Flows over a cluster in memory, their runs at a server of its own.

    Attributes:
        world: the cluster and one application.
        home: the server's folder.
        looks: of reconcile on each day, for 1,440.
        days: that have passed.
    """

    world: World
    home: Path
    looks: int
    keep_days: int
    days: int = 0
    calls: list[str] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    async def pass_day(self) -> None:
        """A release and some looks; then a day is over."""
        cluster: Any = self.world.cluster
        before, self.calls[:] = cluster.asked, []
        with tags("sluice"):
            self.world.push(IMAGES[self.days % 2])
            await roll_out(namespace=NAMESPACE, canary=NAME)
            for _ in range(self.looks):
                await reconcile(look_back_s=60.0)
        calls, asked = len(self.calls), cluster.asked - before
        cluster.acts.clear()
        self.world.passed.clear()
        self.world.alike.clear()
        self.world.phases[:] = self.world.phases[-1:]
        self.days += 1
        self._age()
        await self._settled()
        gc.collect()
        memory = tracemalloc.get_traced_memory()[0]
        files = sum(1 for one in self.home.rglob("*") if one.is_file())
        self.readings.append(Reading(self._rows(), memory, files, calls, asked))

    def _age(self) -> None:
        with self._database() as it, it:
            for table, columns in AGES.items():
                what = ", ".join(f"{column} = strftime('%Y-%m-%d %H:%M:%f', {column}, '-1 day')" for column in columns)
                it.execute(f"update {table} set {what}")  # noqa: S608 - names of this file's

    async def _settled(self) -> None:
        """Wait until the server has cleared what is due by now."""
        due = {
            "flow_run": f"end_time < datetime('now', '-{self.keep_days} days')",
            "events": f"occurred < datetime('now', '-{self.keep_days} days')",
            "events e": "event like 'prefect.task-run.%' and occurred < datetime('now', '-1 days')",
            "event_resources": f"occurred < datetime('now', '-{self.keep_days} days')",
        }
        async with asyncio.timeout(SETTLED_WITHIN):
            for table, where in due.items():
                while await asyncio.to_thread(self._count, table, where):
                    await asyncio.sleep(0.2)

    def _rows(self) -> dict[str, int]:
        return {table: self._count(table) for table in TABLES}

    def _count(self, table: str, where: str = "true") -> int:
        with self._database() as it:
            return int(it.execute(f"select count(*) from {table} where {where}").fetchone()[0])  # noqa: S608

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.home / "prefect.db", timeout=60)) as it:
            yield it


@asynccontextmanager
async def installation(
    home: Path, monkeypatch: pytest.MonkeyPatch, *, looks: int, keep_days: int
) -> AsyncIterator[Installation]:
    """An installation whose days pass on request."""
    hurried = {"PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "1"}
    monkeypatch.setattr(embedded, "START_WITHIN", START_WITHIN_S)
    monkeypatch.setattr(embedded, "retention", lambda days: retention(days) | hurried)
    world = World({}, [], cluster=Counting())
    it = Installation(world, home, looks, keep_days)
    monkeypatch.setattr(forget_idle_runs, "pace", Pace(clock=lambda: it.days * DAY))
    send = httpx.AsyncClient.send

    async def counted(client: httpx.AsyncClient, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        it.calls.append(request.url.path)
        return await send(client, request, **kwargs)

    parts: dict[str, Any] = {
        "router": lambda provider, writer: world.route.written_by(writer),
        "services": lambda writer: MemoryServices(world.cluster),
        "metrics": Provided(world),
        "gates": world,
        "chat": None,
        "prefect": None,
    }
    async with EmbeddedServer(home, "127.0.0.1", free_port(), keep_days=keep_days) as server:
        monkeypatch.setattr(httpx.AsyncClient, "send", counted)
        here = temporary_settings({PREFECT_API_URL: f"{server.url}/api"})
        with here, _temporary_global_settings_context(get_settings_context()):
            async with connected(world.cluster, "worker", **parts):
                tracemalloc.start()
                try:
                    yield it
                finally:
                    tracemalloc.stop()
                    await engine.drain(5.0)
