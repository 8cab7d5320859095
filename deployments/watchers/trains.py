"""The watcher of Trains: one that is new, changed or asked for, and each bell, start `run_train`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.follow import News, follow
from blocks.kubernetes.kinds import TRAIN
from deployments.watchers.announcer import Announcer, log
from sluice.errors import InvalidError
from sluice.events.model import TrainDue
from sluice.manifests.own.train import Train
from sluice.trains.due import due

TICK = 1.0
"""Seconds between two looks at the clock."""


@dataclass(slots=True)
class TrainWatcher:
    """What is known of Trains.

    Attributes:
        trains: those that can be read, by uid.
        announced: what an event was posted for, by uid.
    """

    cluster: Cluster
    announcer: Announcer
    trains: dict[str, Train] = field(default_factory=dict)
    announced: dict[str, str] = field(default_factory=dict)

    async def watch(self, namespace: str | None) -> None:
        """Watch until cancelled."""

        def take(change: News) -> None:
            for event in self.update(change, time.time()):
                self.announcer.announce(event)

        await follow(self.cluster, TRAIN, take, namespace)

    async def ring(self) -> None:
        """Look at the clock until cancelled: bells make no news in the cluster."""
        while True:
            for train in list(self.trains.values()):
                if event := self.called(train, time.time()):
                    self.announcer.announce(event)
            await asyncio.sleep(TICK)

    def update(self, change: News, now: float) -> list[TrainDue]:
        """The events that news call for."""
        events = []
        for item in change.objects:
            uid = item["metadata"]["uid"]
            if change.gone:
                self.trains.pop(uid, None)
                self.announced.pop(uid, None)
                continue
            try:
                self.trains[uid] = Train.parse(item)
            except InvalidError as error:
                log.error("%s", error)
                self.trains.pop(uid, None)
                continue
            if event := self.called(self.trains[uid], now):
                events.append(event)
        return events

    def called(self, train: Train, now: float) -> TrainDue | None:
        """The event for what it is due for, once; one under way has its run, or gets it from `reconcile`."""
        why, uid = due(train, now), train.metadata.uid
        if not why or train.under_way or self.announced.get(uid) == why:
            return None
        self.announced[uid] = why
        return TrainDue(delivery=f"{uid}/{why}", namespace=train.namespace, train=train.name)
