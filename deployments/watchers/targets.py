"""The watcher: sees Canaries and their targets change, by any hand, and announces it as an event.

`kubectl edit` starts a rollout just as a push does, because both end here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from blocks.kubernetes.beside_flux import GivenToSluice
from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.follow import News, follow
from blocks.kubernetes.kinds import CANARY, WORKLOAD_KINDS
from deployments.measured.serving import measure
from deployments.settings import Settings
from deployments.supervision import forever
from deployments.watchers.announcer import Announcer, Post, log
from deployments.watchers.flags import FlagWatcher
from deployments.watchers.records import RecordWatcher
from deployments.watchers.releases import ReleaseWatcher
from deployments.watchers.sources import SourceWatcher, forget
from deployments.watchers.trains import TrainWatcher
from sluice.errors import InvalidError
from sluice.events.model import TargetChanged
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.needs import needs_rollout
from sluice.rollout.revision import version_of
from sluice.rollout.workloads import workload_of

Key = tuple[str, str]


async def watch(settings: Settings, post: Post) -> None:
    """Watch until cancelled; `post` gets each event and is called again until it takes it."""
    kubeconfig = str(settings.kubeconfig) if settings.kubeconfig else None
    cluster = await Cluster.connect(kubeconfig, settings.context, settings.service_account, settings.namespaces)
    cluster.given = GivenToSluice(settings.flux_selected)
    announcer = Announcer(post)
    try:
        watcher, sources = Watcher(cluster, announcer), SourceWatcher(cluster, announcer)
        releases, flags = ReleaseWatcher(cluster, announcer), FlagWatcher(cluster, announcer)
        records = RecordWatcher(cluster, announcer)
        trains = TrainWatcher(cluster, announcer)
        async with asyncio.TaskGroup() as group:
            group.create_task(forever("serving metrics", lambda: measure(cluster, settings), 5.0))
            group.create_task(trains.ring())
            for namespace in settings.namespaces or (None,):
                group.create_task(sources.watch(namespace))
                group.create_task(releases.watch(namespace))
                group.create_task(flags.watch(namespace))
                group.create_task(records.watch(namespace))
                group.create_task(trains.watch(namespace))
                group.create_task(watcher.follow(CANARY, namespace))
                for kind in WORKLOAD_KINDS.values():
                    group.create_task(watcher.follow(kind, namespace))
    finally:
        await announcer.close()
        await cluster.close()


@dataclass(slots=True)
class Watcher:
    """What the watcher knows of the cluster, and which revisions it has announced already."""

    cluster: Cluster
    announcer: Announcer
    canaries: dict[Key, Canary] = field(default_factory=dict)
    targets: dict[str, dict[Key, dict[str, Any]]] = field(default_factory=dict)
    announced: dict[Key, tuple[str, str]] = field(default_factory=dict)

    async def follow(self, kind: Kind, namespace: str | None) -> None:
        """Keep up with all objects of one kind."""

        def take(change: News) -> None:
            for key in self.update(kind, change, namespace):
                self._look(key)

        await follow(self.cluster, kind, take, namespace)

    def update(self, kind: Kind, change: News, namespace: str | None = None) -> list[Key]:
        """Remember what is new; returns the Canaries that it may matter to.

        Args:
            kind: of the objects.
            change: what the watch brought.
            namespace: whose watch the news come from; None for all. A whole list says nothing about other namespaces.
        """
        known: dict[Key, Any] = self.canaries if kind is CANARY else self.targets.setdefault(kind.kind, {})
        if change.whole:
            forget(known, namespace)
        keys = []
        for item in change.objects:
            key = (item["metadata"]["namespace"], item["metadata"]["name"])
            keys.append(key)
            if change.gone:
                known.pop(key, None)
                if kind is CANARY:
                    self.announced.pop(key, None)
            elif kind is CANARY:
                self._update_canary(key, item)
            else:
                known[key] = item
        if kind is CANARY:
            if change.whole:
                self.announced = {key: state for key, state in self.announced.items() if key in self.canaries}
            return keys
        own = ((key, one) for key, one in self.canaries.items() if one.spec.target_ref.kind == kind.kind)
        return [key for key, canary in own if (canary.namespace, canary.target) in keys]

    def _update_canary(self, key: Key, item: dict[str, Any]) -> None:
        try:
            canary = Canary.parse(item)
            workload_of(canary)
            self.canaries[key] = canary
        except InvalidError as error:
            # A run is started all the same: it fails with the field and the way out, where people look.
            self.canaries.pop(key, None)
            log.error("%s", error)
            delivery = f"{item['metadata']['uid']}/{item['metadata']['generation']}/invalid"
            self.announcer.announce(
                TargetChanged(delivery=delivery, namespace=key[0], canary=key[1], revision="", version="invalid")
            )

    def event_for(self, key: Key) -> TargetChanged | None:
        """The event that this Canary calls for now, if it was not announced yet."""
        canary = self.canaries.get(key)
        if canary is None:
            return None
        target = self.targets.get(canary.spec.target_ref.kind, {}).get((canary.namespace, canary.target))
        if target is None:
            return None
        revision = workload_of(canary).revision(canary, target)
        # A revision that comes back after another one was promoted is new again.
        state = (revision, canary.status.last_promoted_spec)
        if not needs_rollout(canary, revision):
            # The last event is done with: its revision may come back, after it was reverted or rolled out.
            self.announced.pop(key, None)
            return None
        if self.announced.get(key) == state:
            return None
        self.announced[key] = state
        generation = target["metadata"]["generation"]
        return TargetChanged(
            delivery=f"{target['metadata']['uid']}/{generation}/{revision}",
            namespace=canary.namespace,
            canary=canary.name,
            revision=revision,
            version=version_of(target),
        )

    def _look(self, key: Key) -> None:
        event = self.event_for(key)
        if event:
            self.announcer.announce(event)
