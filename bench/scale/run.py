"""One run: N Canaries are initialised, then released, and watched until the last one has ended."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.scale import cluster, figures, manifests, services
from bench.scale.cost import requests, usage
from bench.scale.cost.snapshot import Snapshot
from bench.scale.load import Load, Release, canary_name, namespace_of, namespaces
from bench.scale.product import Product, run_states
from bench.scale.services import Services
from bench.scale.story import PROGRESSING, Record, Rollout, Story, rollout
from lab.api.client import Api
from lab.errors import LabError
from lab.paths import LabPaths
from lab.processes import keeper
from lab.progress import say

PATIENCE_S, SAY_EVERY_S, COUNT_EVERY_S = 120.0, 10.0, 10.0
SETTLE_S = 10.0
"""Seconds between the end of the initialisations and the first release."""


@dataclass
class Run:
    """One run and what it needs.

    Attributes:
        identity: namespace of sluice's service account; the names of its flow schemas begin with it.
        prefix: the names of this run's namespaces begin with it.
    """

    load: Load
    api: Api
    services: Services
    product: Product
    places: LabPaths
    home: Path
    identity: str
    prefix: str
    gateway: tuple[str, str]
    workers: int
    released: dict[int, list[tuple[float, Release]]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    asked: list[figures.Asked] = field(default_factory=list)

    async def measure(self) -> dict[str, Any]:
        """Do it all and say what was found; nothing of it is left in the cluster."""
        try:
            record = self._record()
            for name in namespaces(self.prefix, self.load.n):
                await self.api.create(manifests.namespace(name))
            self.product.start_workers(self.workers, namespaces(self.prefix, self.load.n))
            begun = time.time()
            await cluster.make_canaries(self.api, self.load, self.prefix, self.gateway)
            await self._until(record, self._initialised, PATIENCE_S, "initialised")
            initialised = time.time() - begun
            resting = await self._snapshot()
            await asyncio.sleep(SETTLE_S)
            before, after = await self._release(record)
            found = figures.idle(resting, before) | figures.of(
                self.load, self._rollouts(record), before, after, self.memory
            )
            found |= figures.queries(self.asked)
            found |= {"initialised_s": round(initialised, 1), "runs": run_states()}
            found |= {"database_is_locked": self.product.logged("database is locked")}
            return found | figures.acceptance(record.stories.values(), before.at)
        finally:
            self.product.stop_workers()
            self.services.end("recorder")
            await cluster.remove_namespaces(self.api, namespaces(self.prefix, self.load.n))

    def _record(self) -> Record:
        out = self.home / f"{self.prefix}.jsonl"
        command = [sys.executable, "-m", "bench.scale.recorder", "--kubeconfig", str(self.places.kubeconfig)]
        self.services.child("recorder", [*command, "--prefix", self.prefix, "--out", str(out)])
        return Record(out)

    async def _release(self, record: Record) -> tuple[Snapshot, Snapshot]:
        releases = self.load.releases()
        say(f"{len(releases)} releases within {self.load.lasts_s:.0f} s")
        self.product.sample()
        before = await self._snapshot()
        async with self._watched(record):
            await self._release_all(releases, before.at)
            await self._until(record, self._ended, PATIENCE_S + self.load.steps * self.load.step_s, "ended")
        after = await self._snapshot()
        self.product.sample()
        return before, after

    async def _release_all(self, releases: list[Release], begun: float) -> None:
        errors_set: dict[str, float] = {}
        async with asyncio.TaskGroup() as group:
            for one in releases:
                await asyncio.sleep(max(0.0, begun + one.at - time.time()))
                group.create_task(self._release_one(one, errors_set))

    async def _release_one(self, one: Release, errors_set: dict[str, float]) -> None:
        name, namespace = canary_name(one.canary), namespace_of(self.prefix, one.canary)
        key = f"{namespace}_{name}"
        if errors_set.get(key, 0.0) != one.errors:
            errors_set[key] = one.errors
            await asyncio.to_thread(services.fail, {key: one.errors})
        self.released.setdefault(one.canary, []).append((time.time(), one))
        await cluster.set_image(self.api, name, namespace, one.version)

    def _initialised(self, stories: dict[str, Story]) -> int:
        return sum(story.phase == "Initialized" for story in stories.values())

    def _ended(self, stories: dict[str, Story]) -> int:
        ended = 0
        for canary, releases in self.released.items():
            story = stories.get(f"{namespace_of(self.prefix, canary)}/{canary_name(canary)}", Story())
            ended += rollout(story, releases[-1][0], time.time() + 1, self.load.step_s).ended is not None
        return ended

    async def _until(self, record: Record, count: Any, within_s: float, what: str) -> None:
        """Wait for all of them; when none has come for so long, go on and let the figures show it."""
        give_up, last, said_at = time.monotonic() + within_s, -1, 0.0
        while True:
            done = count(record.read())
            if done >= self.load.n:
                return
            self.services.check()
            now = time.monotonic()
            if now > give_up:
                if what == "initialised" and not done:
                    raise LabError(f"no Canary was {what} within {within_s:.0f} s")
                say(f"only {done} of {self.load.n} were {what}; no other for {within_s:.0f} s")
                return
            if done != last:
                give_up, last = now + within_s, done
                if now - said_at > SAY_EVERY_S:
                    active = sum(story.phase in PROGRESSING for story in record.stories.values())
                    say(f"  {done} of {self.load.n} {what}, {active} in progress")
                    said_at = now
            await asyncio.sleep(1.0)

    def _rollouts(self, record: Record) -> list[tuple[Release, float, Rollout]]:
        found = []
        for canary, releases in sorted(self.released.items()):
            story = record.read().get(f"{namespace_of(self.prefix, canary)}/{canary_name(canary)}", Story())
            ends = [at for at, _ in releases[1:]] + [float("inf")]
            for (at, release), until in zip(releases, ends, strict=True):
                found.append((release, at, rollout(story, at, until, self.load.step_s)))
        return found

    def _groups(self) -> dict[str, list[int]]:
        groups = {f"lab {name}": [one.pid] for name, one in keeper.recorded(self.places.pids).items()}
        return groups | self.services.pids | {"bench": [os.getpid()]}

    async def _snapshot(self) -> Snapshot:
        return Snapshot(
            at=time.time(),
            cpu=usage.cpu_seconds(self._groups()),
            machine=usage.machine_seconds(),
            requests=await requests.counted(self.api, self.identity),
            queries=services.queries(),
        )

    @asynccontextmanager
    async def _watched(self, record: Record) -> AsyncIterator[None]:
        """Memory and the queries to Prometheus, looked at again and again."""

        def report(name: str, mib: float) -> None:
            self.memory[name] = max(self.memory.get(name, 0.0), mib)

        server = self.product.children["prefect-server"].pid
        groups = {"workers": self.product.workers, "prefect-server": [server]}
        watching = [asyncio.create_task(one) for one in (usage.peaks(groups, report), self._count_queries(record))]
        try:
            yield
        finally:
            for one in watching:
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one

    async def _count_queries(self, record: Record) -> None:
        at, known = time.monotonic(), await asyncio.to_thread(services.queries)
        while True:
            await asyncio.sleep(COUNT_EVERY_S)
            now, count = time.monotonic(), await asyncio.to_thread(services.queries)
            active = sum(story.phase in PROGRESSING for story in record.stories.values())
            self.asked.append(figures.Asked(active, (count - known) / (now - at)))
            at, known = now, count
