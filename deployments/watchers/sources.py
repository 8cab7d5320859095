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
from sluice.manifests.flux.kustomization import REQUESTED_AT, Kustomization

Key = tuple[str, str]


@dataclass(slots=True)
class SourceWatcher:
    """What is known of sources and of what follows them.

    Attributes:
        sources: GitRepository objects by namespace and name.
        announced: the generations and requests that an event was posted for, by the object's uid.
    """

    cluster: Cluster
    announcer: Announcer
    sources: dict[Key, GitRepository] = field(default_factory=dict)
    followers: dict[Key, Kustomization] = field(default_factory=dict)
    announced: dict[str, str] = field(default_factory=dict)

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
        if known and known.key == follower.source:
            return self._event(follower, known)
        return self._gone(follower) if follower.leaving else []

    def _event(self, about: GitRepository | Kustomization, source: GitRepository) -> list[SourceChanged]:
        reapply = _named(about) if isinstance(about, Kustomization) and (about.asked or about.leaving) else ""
        return self._new(about, source.address, source.spec.ref.branch, reapply)

    def _gone(self, about: Kustomization) -> list[SourceChanged]:
        """One that was deleted after its source: what it applied has to be cleaned up all the same."""
        return self._new(about, f"deleted/{about.source.namespace}/{about.source.name}", "", _named(about))

    def _new(self, about: GitRepository | Kustomization, url: str, ref: str, reapply: str) -> list[SourceChanged]:
        """An event for each generation of an object, and for each request to sync it now."""
        asked = about.metadata.annotations.get(REQUESTED_AT, "") if reapply else ""
        sign = f"{about.metadata.generation}/{asked}".rstrip("/")
        if self.announced.get(about.metadata.uid) == sign:
            return []
        self.announced[about.metadata.uid] = sign
        return [SourceChanged(delivery=f"{about.metadata.uid}/{sign}", url=url, ref=ref, commit="", reapply=reapply)]


def _named(about: Kustomization) -> str:
    return f"{about.namespace}/{about.name}"


def forget(known: dict[Key, Any], namespace: str | None) -> None:
    """Empty what is known of one namespace; None for all of them."""
    for key in [key for key in known if namespace in {None, key[0]}]:
        del known[key]
