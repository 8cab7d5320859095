"""The watcher of HelmReleases: one that is new, changed, asked for or deleted is checked at once.

So is one whose HelmRepository or HelmChart is: an address or a login that somebody puts right does not wait for an interval.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.follow import News, follow
from blocks.kubernetes.kinds import HELM_CHART, HELM_RELEASE, HELM_REPOSITORY
from deployments.watchers.announcer import Announcer, log
from sluice.errors import InvalidError
from sluice.events.model import SourceChanged
from sluice.helm.due import event_of_change, event_of_source, is_asked, rests, source_of
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.manifests.flux.helm.release import HelmRelease
from sluice.manifests.flux.helm.repository import HelmRepository
from sluice.manifests.flux.outcome import observed
from sluice.manifests.references import SourceKey
from tasks.helm.chart import helm_chart

Source = HelmChart | HelmRepository
MODELS: Mapping[Kind, type[HelmRelease | HelmChart | HelmRepository]] = {
    HELM_RELEASE: HelmRelease,
    HELM_CHART: HelmChart,
    HELM_REPOSITORY: HelmRepository,
}


@dataclass(slots=True)
class ReleaseWatcher:
    """What was announced of HelmReleases, and what their charts come from.

    Attributes:
        releases: by namespace and name, without their values.
        sources: their HelmCharts and HelmRepositories.
        announced: the last event's name of each thing that may call for one: what sluice writes into a status does not.
    """

    cluster: Cluster
    announcer: Announcer
    releases: dict[SourceKey, HelmRelease] = field(default_factory=dict)
    sources: dict[SourceKey, Source] = field(default_factory=dict)
    announced: dict[tuple[str, str], str] = field(default_factory=dict)

    async def watch(self, namespace: str | None) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in MODELS:
                group.create_task(self._follow(kind, namespace))

    async def _follow(self, kind: Kind, namespace: str | None) -> None:
        def take(change: News) -> None:
            ours = change if change.gone else replace(change, objects=self.cluster.given(kind, change.objects))
            for event in self.update(ours, kind, namespace):
                self.announcer.announce(event)

        await follow(self.cluster, kind, take, namespace)

    def update(self, change: News, kind: Kind = HELM_RELEASE, namespace: str | None = None) -> list[SourceChanged]:
        """The events that news call for.

        Args:
            change: what the watch brought.
            kind: of the objects.
            namespace: whose watch the news come from; None for all. A whole list says nothing about other namespaces.
        """
        known: dict[SourceKey, Any] = self.releases if kind == HELM_RELEASE else self.sources
        if change.whole:
            there = {_key(kind, item) for item in change.objects}
            for key in [one for one in known if one.kind == kind.kind and namespace in {None, one.namespace}]:
                if key not in there:
                    self._forget(known, key)
        events: list[SourceChanged] = []
        for item in change.objects:
            key = _key(kind, item)
            if change.gone:
                self._forget(known, key)
                continue
            try:
                found = MODELS[kind].parse(item)
            except InvalidError as error:
                log.error("%s", error)
                continue
            events += self._of_release(key, found) if isinstance(found, HelmRelease) else self._of_source(key, found)
        return events

    def _of_release(self, key: SourceKey, release: HelmRelease) -> Iterator[SourceChanged]:
        self.releases[key] = _lean(release)
        if rests(release):
            return
        yield from self._new(release, release.metadata.uid, event_of_change(release))
        for one in self._sources_of(release):
            if not observed(one):  # it came, or was changed, before the release was known here
                yield from self._new(release, one.metadata.uid, event_of_source(release, one))

    def _of_source(self, key: SourceKey, source: Source) -> Iterator[SourceChanged]:
        self.sources[key] = source
        for release in self.releases.values():
            if not rests(release) and source in self._sources_of(release):
                yield from self._new(release, source.metadata.uid, event_of_source(release, source))

    def _sources_of(self, release: HelmRelease) -> list[Source]:
        """What a release's chart comes from; its own HelmChart only where somebody asks for it, or has changed it."""
        chart = self.sources.get(release.chart)
        charts = {chart.key: chart} if isinstance(chart, HelmChart) else {}
        found = [one for one in charts.values() if is_asked(one) or not _is_as_made(release, one)]
        repository = self.sources.get(source_of(release, charts))
        return [*found, repository] if repository else [*found]

    def _new(self, release: HelmRelease, about: str, event: SourceChanged) -> Iterator[SourceChanged]:
        sign = (release.metadata.uid, about)
        if self.announced.get(sign) != event.delivery:
            self.announced[sign] = event.delivery
            yield event

    def _forget(self, known: dict[SourceKey, Any], key: SourceKey) -> None:
        gone = known.pop(key, None)
        if gone is not None:
            self.announced = {sign: said for sign, said in self.announced.items() if gone.metadata.uid not in sign}


def _is_as_made(release: HelmRelease, chart: HelmChart) -> bool:
    """Whether a HelmChart is as sluice makes it for the release: its own write calls for nothing."""
    return bool(release.spec.chart) and chart.spec == HelmChart.parse(helm_chart(release)).spec


def _lean(release: HelmRelease) -> HelmRelease:
    return release.model_copy(update={"spec": release.spec.model_copy(update={"values": {}})})


def _key(kind: Kind, item: dict[str, Any]) -> SourceKey:
    return SourceKey(kind.kind, item["metadata"].get("namespace", ""), item["metadata"]["name"])
