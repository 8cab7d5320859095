"""The watcher of sources: a GitRepository or Kustomization that is new or changed calls for a sync, as a push does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.follow import News, follow
from blocks.kubernetes.kinds import GIT_REPOSITORY, KUSTOMIZATION
from deployments.watchers.announcer import Announcer, log
from sluice.errors import InvalidError
from sluice.events.model import SourceChanged
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.kustomization import Kustomization

Key = tuple[str, str]


@dataclass(slots=True)
class SourceWatcher:
    """What is known of sources and of what follows them.

    Attributes:
        sources: GitRepository objects by namespace and name.
        announced: the generations that an event was posted for, by the object's uid.
    """

    cluster: Cluster
    announcer: Announcer
    sources: dict[Key, GitRepository] = field(default_factory=dict)
    followers: dict[Key, Kustomization] = field(default_factory=dict)
    announced: dict[str, int] = field(default_factory=dict)

    async def watch(self, namespace: str | None) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(GIT_REPOSITORY, namespace))
            group.create_task(self._follow(KUSTOMIZATION, namespace))

    async def _follow(self, kind: Kind, namespace: str | None) -> None:
        def take(change: News) -> None:
            for event in self.update(kind, change, namespace):
                self.announcer.announce(event)

        await follow(self.cluster, kind, take, namespace)

    def update(self, kind: Kind, change: News, namespace: str | None = None) -> list[SourceChanged]:
        """Remember what is new; returns the events that it calls for.

        Args:
            kind: of the objects.
            change: what the watch brought.
            namespace: whose watch the news come from; None for all. A whole list says nothing about other namespaces.
        """
        known: dict[Key, Any] = self.sources if kind is GIT_REPOSITORY else self.followers
        if change.whole:
            forget(known, namespace)
        events = []
        for item in change.objects:
            key = (item["metadata"]["namespace"], item["metadata"]["name"])
            if change.gone:
                known.pop(key, None)
                self.announced.pop(item["metadata"]["uid"], None)
            else:
                events += self.events_for(kind, key, item)
        if change.whole:
            there = {one.metadata.uid for one in (*self.sources.values(), *self.followers.values())}
            self.announced = {uid: generation for uid, generation in self.announced.items() if uid in there}
        return events

    def events_for(self, kind: Kind, key: Key, item: dict[str, Any]) -> list[SourceChanged]:
        """The events that a new or changed object calls for; a Kustomization may have to wait for its source."""
        try:
            if kind is GIT_REPOSITORY:
                source = self.sources[key] = GitRepository.parse(item)
                waiting = [one for one in self.followers.values() if one.source == source.key]
                return self._event(source, source) + [e for one in waiting for e in self._event(one, source)]
            follower = self.followers[key] = Kustomization.parse(item)
        except InvalidError as error:
            log.error("%s", error)
            return []
        known = self.sources.get((follower.source.namespace, follower.source.name))
        return self._event(follower, known) if known and known.key == follower.source else []

    def _event(self, about: GitRepository | Kustomization, source: GitRepository) -> list[SourceChanged]:
        uid, generation = about.metadata.uid, about.metadata.generation
        if self.announced.get(uid) == generation:
            return []
        self.announced[uid] = generation
        ref = source.spec.ref.branch
        return [SourceChanged(delivery=f"{uid}/{generation}", url=source.address, ref=ref, commit="")]


def forget(known: dict[Key, Any], namespace: str | None) -> None:
    """Empty what is known of one namespace; None for all of them."""
    for key in [key for key in known if namespace in {None, key[0]}]:
        del known[key]
