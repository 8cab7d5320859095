"""The watcher of sources: a source, or what follows one, that is new or changed calls for a sync, as a push does.

So does an object that somebody asks to be looked at now, as `flux reconcile` does by an annotation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.follow import News, follow
from blocks.kubernetes.kinds import KUSTOMIZATION
from blocks.sources.table import SOURCES
from deployments.watchers.announcer import Announcer, log
from sluice.errors import InvalidError
from sluice.events.model import SourceChanged
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.flux.source import SourceManifest
from sluice.manifests.meta import ObjectMeta
from sluice.manifests.references import SourceKey
from sluice.sync.artifact import requested_of
from tasks.sync.followers.base import named

Key = tuple[str, str]
"""Namespace and name."""
MODELS: Mapping[Kind, type[SourceManifest]] = {row.kind: row.model for row in SOURCES.values()}


class Follower(Protocol):
    """What follows a source."""

    kind: ClassVar[str]

    @property
    def metadata(self) -> ObjectMeta:
        """Its generation changes with what it asks for."""

    @property
    def source(self) -> SourceKey:
        """What it follows."""

    @property
    def asked(self) -> str:
        """The request to apply it now that is not answered yet; empty where there is none."""

    @property
    def leaving(self) -> bool:
        """Whether it was deleted and waits for what it applied to be cleaned up."""


FOLLOWERS: Mapping[Kind, type[Kustomization]] = {KUSTOMIZATION: Kustomization}
"""How the kinds of followers are read."""


@dataclass(slots=True)
class SourceWatcher:
    """What is known of sources and of what follows them.

    Attributes:
        sources: by kind, namespace and name.
        followers: by kind, namespace and name.
        announced: the generations and requests that an event was posted for, by the object's uid.
    """

    cluster: Cluster
    announcer: Announcer
    sources: dict[SourceKey, SourceManifest] = field(default_factory=dict)
    followers: dict[SourceKey, Follower] = field(default_factory=dict)
    announced: dict[str, str] = field(default_factory=dict)

    async def watch(self, namespace: str | None) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in (*MODELS, *FOLLOWERS):
                group.create_task(self._follow(kind, namespace))

    async def _follow(self, kind: Kind, namespace: str | None) -> None:
        def take(change: News) -> None:
            # What Flux acts on calls for nothing here, and is new to us when it becomes ours.
            ours = change if change.gone else replace(change, objects=self.cluster.given(kind, change.objects))
            for event in self.update(kind, ours, namespace):
                self.announcer.announce(event)

        await follow(self.cluster, kind, take, namespace)

    def update(self, kind: Kind, change: News, namespace: str | None = None) -> list[SourceChanged]:
        """Remember what is new; returns the events that it calls for.

        Args:
            kind: of the objects.
            change: what the watch brought.
            namespace: whose watch the news come from; None for all. A whole list says nothing about other namespaces.
        """
        known: dict[SourceKey, Any] = self.sources if kind in MODELS else self.followers
        if change.whole:
            for old in [one for one in known if one.kind == kind.kind and namespace in {None, one.namespace}]:
                del known[old]
        events = []
        for item in change.objects:
            key = (item["metadata"]["namespace"], item["metadata"]["name"])
            if change.gone:
                known.pop(SourceKey(kind.kind, *key), None)
                self.announced.pop(item["metadata"]["uid"], None)
            else:
                events += self.events_for(kind, key, item)
        if change.whole:
            there = {one.metadata.uid for known in (self.sources, self.followers) for one in known.values()}
            self.announced = {uid: said for uid, said in self.announced.items() if uid in there}
        return events

    def events_for(self, kind: Kind, key: Key, item: dict[str, Any]) -> list[SourceChanged]:
        """The events that a new or changed object calls for; a follower may have to wait for its source."""
        at = SourceKey(kind.kind, *key)
        try:
            if kind in MODELS:
                source = self.sources[at] = MODELS[kind].parse(item)
                waiting = [one for one in self.followers.values() if one.source == source.key]
                return self._event(source, source) + [e for one in waiting for e in self._event(one, source)]
            follower = self.followers[at] = FOLLOWERS[kind].parse(item)
        except InvalidError as error:
            log.error("%s", error)
            return []
        if known := self.sources.get(follower.source):
            return self._event(follower, known)
        return self._gone(follower) if follower.leaving else []

    def _event(self, about: Follower | SourceManifest, source: SourceManifest) -> list[SourceChanged]:
        # Asked for by name it is applied though nothing moved; a source is only looked at.
        follower = None if isinstance(about, SourceManifest) else about
        reapply = _named(follower) if follower and (follower.asked or follower.leaving) else ""
        return self._new(about.metadata, source.address, source.ref, reapply)

    def _gone(self, about: Follower) -> list[SourceChanged]:
        """One that was deleted after its source: what it applied has to be cleaned up all the same."""
        return self._new(about.metadata, f"deleted/{about.source.namespace}/{about.source.name}", "", _named(about))

    def _new(self, meta: ObjectMeta, url: str, ref: str, reapply: str) -> list[SourceChanged]:
        """An event for each generation of an object, and for each request to look at it now."""
        sign = f"{meta.generation}/{requested_of(meta)}".rstrip("/")
        if self.announced.get(meta.uid) == sign:
            return []
        self.announced[meta.uid] = sign
        return [SourceChanged(delivery=f"{meta.uid}/{sign}", url=url, ref=ref, commit="", reapply=reapply)]


def _named(follower: Follower) -> str:
    return named(follower.kind, follower.metadata.namespace, follower.metadata.name)


def forget(known: dict[Key, Any], namespace: str | None) -> None:
    """Empty what is known of one namespace; None for all of them."""
    for key in [key for key in known if namespace in {None, key[0]}]:
        del known[key]
