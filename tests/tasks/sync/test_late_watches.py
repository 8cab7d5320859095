"""No delivery is lost by what is read from watches instead of the API server, however late they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.follow import news
from blocks.kubernetes.kinds import KUSTOMIZATION
from blocks.sources.table import SOURCES
from deployments.watchers.announcer import Announcer
from deployments.watchers.sources import SourceWatcher
from sluice.events.model import SourceChanged
from tests.tasks.sync.late_watches import TEAM, World, at, delivering


@pytest.fixture
async def sut(tmp_path: Path) -> AsyncIterator[World]:
    async with delivering(tmp_path) as world:
        yield world


@dataclass
class Life:
    """Pushes, new and changed followers, stops, and watches that are behind or not, in any order.

    Attributes:
        events: that the watcher of sources, which has watches of its own, has for us.
    """

    world: World
    dice: Random
    names: list[str] = field(default_factory=lambda: ["app-0"])
    events: list[SourceChanged] = field(default_factory=list)

    async def hear(self, watcher: SourceWatcher, kind: Kind) -> None:
        async for one in news(watcher.cluster, kind):
            self.events.extend(watcher.update(kind, one))

    async def answer(self) -> None:
        while self.events:
            event = self.events.pop(0)
            await self.world.deliver(event.commit, event.reapply, event.ref)

    async def push(self) -> None:
        self.world.repository.write(at(str(self.dice.random())))
        if self.dice.random() < 0.8:
            await self.world.deliver(self.world.repository.head())

    async def new(self) -> None:
        self.names.append(f"app-{len(self.names)}")
        self.world.follower(self.names[-1])

    async def change(self) -> None:
        self.world.follower(self.dice.choice(self.names), force=self.dice.random() < 0.5)

    async def suspend(self) -> None:
        self.world.follower(self.dice.choice(self.names), suspend=self.dice.random() < 0.5)

    async def late(self) -> None:
        self.world.cluster.catch_up() if self.world.cluster.late else self.world.cluster.hold()

    async def comes_to_rest(self) -> None:
        """People resume what they stopped, and push once more; all is heard in the end."""
        self.world.cluster.catch_up()
        for name in self.names:
            if self.world.cluster.now("Kustomization", name, TEAM)["spec"].get("suspend"):
                self.world.follower(name, suspend=False)
        await self.late() if self.dice.random() < 0.5 else await asyncio.sleep(0)
        self.world.repository.write(at("last"))
        await self.world.deliver(self.world.repository.head())
        self.world.cluster.catch_up()
        await self.world.heard()
        await asyncio.sleep(0.05)
        await self.answer()


@pytest.mark.parametrize("seed", range(8))
async def test_no_delivery_is_lost_however_late_the_watches_are(sut: World, seed: int) -> None:
    """In the end each follower is at what git says, without any interval."""
    cluster: Any = sut.cluster
    life, watcher = Life(sut, Random(seed)), SourceWatcher(cluster, Announcer(lambda _: asyncio.sleep(0)))
    kinds = [*(row.kind for row in SOURCES.values()), KUSTOMIZATION]
    hearing = [asyncio.create_task(life.hear(watcher, kind)) for kind in kinds]
    acts = [life.push, life.push, life.new, life.change, life.suspend, life.late, life.answer]
    for _ in range(life.dice.randint(4, 10)):
        await life.dice.choice(acts)()
        await asyncio.sleep(0)
    await life.comes_to_rest()
    wanted = f"main@sha1:{sut.repository.head()}"
    assert {name: sut.revision(name) for name in life.names} == dict.fromkeys(life.names, wanted)
    for one in hearing:
        one.cancel()
    await asyncio.gather(*hearing, return_exceptions=True)
