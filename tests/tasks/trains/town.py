"""A town of services and their train, carried by processes that die; and the laws that hold whatever happens."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from blocks.kubernetes.kinds import TRAIN
from flows import run_train as story
from flows.run_train import run_train
from sluice.errors import TransientError
from sluice.manifests.own.train import FINALIZER, UNDER_WAY, CarState, Train, TrainPhase
from sluice.trains.order import order_of
from tests.connected import connected
from tests.memory_cluster import MemoryCluster
from tests.tasks.trains.services import Service
from tests.trains_samples import PLATFORM, train_manifest
from tests.virtual_time import in_no_time

NAME = "monday"
MOST_LIVES = 60
LONGEST = 3600.0
PARTS: dict[str, Any] = {"router": None, "metrics": None, "gates": None}
STAGES = ("act_on_train", "announce_train", "call_back")


class CrashError(BaseException):
    """The process dies here."""


class Events:
    """Prefect's events, heard by the services at once."""

    def __init__(self, services: dict[str, Service]) -> None:
        self.services = services

    async def post(self, events: Sequence[Any]) -> list[Any]:
        for event in events:
            self.services[event.canary].called = True
        return list(events)


class TrainTown:
    """The world of one train.

    Attributes:
        crashes: how often the process that carries the train dies at one of its writes, by chance.
        dies_at: writes at which it dies for certain, counted twice: before and after each.
        blamed: which laws were broken.
    """

    def __init__(self, *cars: Any, seed: int = 0, crashes: int = 0, **spec: Any) -> None:
        self.dice, self.crashes, self.blamed = random.Random(seed), crashes, list[str]()
        self.cluster = MemoryCluster()
        manifest = train_manifest(*cars, name=NAME, **spec)
        manifest["metadata"]["annotations"] = {"sluice.dev/depart": "now by ann: a test"}
        self.cluster.add(manifest)
        listed = Train.parse(manifest).spec.cars
        self.order = order_of(listed)
        self.services = {car.called: Service(self.cluster, car.canary) for car in listed}
        self.people: list[tuple[float, Any]] = []
        self.starts, self.writes, self.lives = 0.0, 0, 0
        self.dies_at: set[int] = set()
        self.cluster.hooks.append(self._strikes)
        self.last: Train | None = None
        self.left_outside: list[str] = []

    @property
    def train(self) -> Train | None:
        item = self.cluster.objects.get(("Train", PLATFORM, NAME))
        return Train.parse(item) if item else None

    def change(self, **fields: Any) -> None:
        """Somebody changes the train's spec, or its metadata."""
        item = self.cluster.objects.get(("Train", PLATFORM, NAME))
        if item:
            self.cluster.add({**item, "spec": {**item["spec"], **fields}})

    def delete(self) -> None:
        """Somebody deletes the train; the API server keeps it for as long as it has a finalizer."""
        item = self.cluster.objects.get(("Train", PLATFORM, NAME))
        if item and FINALIZER in item["metadata"].get("finalizers", []):
            self.cluster.add({**item, "metadata": {**item["metadata"], "deletionTimestamp": "2026-11-30T09:00:00Z"}})
        else:
            self.cluster.vanish(TRAIN, NAME, PLATFORM)

    def live(self) -> TrainTown:
        """Until the train is at its end, and its services are at rest."""
        in_no_time(self._live)
        return self

    async def _live(self) -> None:
        self.starts = time.time()
        world = asyncio.create_task(self._world())
        logger = logging.getLogger("test")
        patches = [patch.object(story, name, getattr(story, name).fn) for name in STAGES]
        patches += [patch.object(story, "get_run_logger", lambda: logger), patch.object(story, "draw_train", _nothing)]
        for one in patches:
            one.start()
        try:
            async with asyncio.timeout(LONGEST):
                while await self._process():
                    await asyncio.sleep(2.0)
            await asyncio.sleep(120.0)
        finally:
            world.cancel()
            for one in patches:
                one.stop()
        await asyncio.gather(world, return_exceptions=False) if world.done() and not world.cancelled() else None

    async def _process(self) -> bool:
        """One process's life; whether another one has something to do."""
        self.lives += 1
        assert self.lives < MOST_LIVES, "it never comes to an end"
        try:
            async with connected(self.cluster, f"process-{self.lives}", prefect=Events(self.services), **PARTS):
                await run_train.fn(PLATFORM, NAME)
        except (CrashError, TransientError):
            return True
        except BaseExceptionGroup as group:
            if group.subgroup((CrashError, TransientError)) is None:
                raise
            return True
        item = self.cluster.objects.get(("Train", PLATFORM, NAME))
        if item and item["metadata"].get("deletionTimestamp") and not item["metadata"].get("finalizers"):
            self.last = self.train
            self.left_outside = self._outside(Train.parse(item))
            self.cluster.vanish(TRAIN, NAME, PLATFORM)
        train = self.train
        return train is not None and train.under_way

    async def _world(self) -> None:
        """The services' rollouts and the people, until cancelled."""
        while True:
            await asyncio.sleep(self.dice.uniform(0.2, 2.0))
            for moment, act in list(self.people):
                if time.time() - self.starts >= moment:
                    self.people.remove((moment, act))
                    act()
            for service in self.dice.sample(list(self.services.values()), len(self.services)):
                if self.dice.random() < 0.7:
                    before = len(service.said)
                    service.turn(self.dice)
                    for act in service.said[before:]:
                        self._watch(service, act)

    def _strikes(self, when: str, verb: str, item: dict[str, Any]) -> None:
        if item["kind"] != "Train":
            return
        self.writes += 1
        if self.writes in self.dies_at:
            raise CrashError
        if self.crashes and self.dice.random() < 0.25:
            self.crashes -= 1
            raise CrashError if self.dice.random() < 0.7 else TransientError("no answer")

    # --- laws -----------------------------------------------------------------------------------------------------------

    def _watch(self, service: Service, act: str) -> None:
        """The laws of each moment: order and lanes."""
        train = self.train
        if train is None or not train.under_way:
            return
        rides = {ride.name: ride for ride in train.status.rides}
        ride = rides.get(service.name)
        if ride is None or ride.revision != service.status["lastAppliedSpec"]:
            return
        others = [self.services[name] for name in ride.after]
        together = train.status.promotion == "together"
        if act == "begins" and not all(one.passed for one in others):
            self.blamed.append(f"{service.name} began before those that it comes after")
        if act == "promotes":
            if together and not all(self.services[name].passed for name in rides):
                self.blamed.append(f"{service.name} was promoted before all had passed")
            if not all(rides[one.name].state is CarState.PROMOTED for one in others):
                self.blamed.append(f"{service.name} was promoted before those that it comes after")
        if act in {"home", "taken back"} and train.status.phase is TrainPhase.RETURNING:
            after = [one for one in rides.values() if service.name in one.after]
            still = [one.name for one in after if self.services[one.name].users_meet == one.revision]
            if still:
                self.blamed.append(f"{service.name} went home before {still}")

    def at_end(self) -> Train:
        """The laws of the end; the train as it was last."""
        assert not self.blamed, self.blamed
        train = self.train or self.last
        if train is None:
            return Train.parse(train_manifest())  # it was deleted before it departed
        assert train.status.phase not in UNDER_WAY, train.status.message
        outside = self._outside(train) if self.train else self.left_outside
        assert outside == [], (outside, train.status.message)
        return train

    def _outside(self, train: Train) -> list[str]:
        """The services that are not where the train's fate has them; of one that is gone, at the moment that it went."""
        return [ride.name for ride in train.status.rides if not self._within(train, ride.name)]

    def _within(self, train: Train, name: str) -> bool:
        """Whether a service is where its train's fate has it."""
        ride, service = next(one for one in train.status.rides if one.name == name), self.services[name]
        if service.manifest is None or service.status["lastAppliedSpec"] != ride.revision:
            arrived = train.status.phase is TrainPhase.ARRIVED
            return service.manifest is None or arrived or service.users_meet != ride.revision
        if service.heard() is None:
            return True  # it was taken out of the train since: it is released alone
        if service.under_way:
            return False
        promoted = service.users_meet == ride.revision
        if train.status.phase is TrainPhase.ARRIVED and train.status.fate == "one":
            return promoted
        if train.status.phase is TrainPhase.ARRIVED:
            return promoted is (ride.state is CarState.PROMOTED)
        return not promoted or ride.state is CarState.KEPT


async def _nothing(*_: Any) -> None:
    """A picture that nobody looks at."""
