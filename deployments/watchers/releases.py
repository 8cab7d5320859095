"""The watcher of HelmReleases: one that is new, changed, asked for or deleted is looked at at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.follow import News, follow
from blocks.kubernetes.kinds import HELM_RELEASE
from deployments.watchers.announcer import Announcer, log
from sluice.errors import InvalidError
from sluice.events.model import SourceChanged
from sluice.helm.due import event_of_change, rests
from sluice.manifests.flux.helm.release import HelmRelease


@dataclass(slots=True)
class ReleaseWatcher:
    """What was announced of HelmReleases.

    Attributes:
        announced: the last event's name of each, by uid: what sluice writes into the status calls for nothing.
    """

    cluster: Cluster
    announcer: Announcer
    announced: dict[str, str] = field(default_factory=dict)

    async def watch(self, namespace: str | None) -> None:
        """Watch until cancelled."""

        def take(change: News) -> None:
            ours = change if change.gone else replace(change, objects=self.cluster.given(HELM_RELEASE, change.objects))
            for event in self.update(ours):
                self.announcer.announce(event)

        await follow(self.cluster, HELM_RELEASE, take, namespace)

    def update(self, change: News) -> list[SourceChanged]:
        """The events that news call for."""
        events = []
        for item in change.objects:
            uid = item["metadata"]["uid"]
            if change.gone:
                self.announced.pop(uid, None)
                continue
            try:
                release = HelmRelease.parse(item)
            except InvalidError as error:
                log.error("%s", error)
                continue
            event = event_of_change(release)
            if not rests(release) and self.announced.get(uid) != event.delivery:
                self.announced[uid] = event.delivery
                events.append(event)
        return events
