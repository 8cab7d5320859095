"""The watcher of FlagRollouts: one that is new or changed, and has something to do, starts `toggle_flag`."""

from __future__ import annotations

from dataclasses import dataclass, field

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.follow import News, follow
from blocks.kubernetes.kinds import FLAG_ROLLOUT
from deployments.watchers.announcer import Announcer, log
from sluice.errors import InvalidError
from sluice.events.model import FlagRolloutChanged
from sluice.manifests.own.flag_rollout import FlagRollout


@dataclass(slots=True)
class FlagWatcher:
    """What was announced of FlagRollouts.

    Attributes:
        announced: the generation that an event was posted for, by uid: what sluice writes into a status calls for none.
    """

    cluster: Cluster
    announcer: Announcer
    announced: dict[str, int] = field(default_factory=dict)

    async def watch(self, namespace: str | None) -> None:
        """Watch until cancelled."""

        def take(change: News) -> None:
            for event in self.update(change):
                self.announcer.announce(event)

        await follow(self.cluster, FLAG_ROLLOUT, take, namespace)

    def update(self, change: News) -> list[FlagRolloutChanged]:
        """The events that news call for."""
        events = []
        for item in change.objects:
            uid = item["metadata"]["uid"]
            if change.gone:
                self.announced.pop(uid, None)
                continue
            try:
                rollout = FlagRollout.parse(item)
            except InvalidError as error:
                log.error("%s", error)
                continue
            generation = rollout.metadata.generation
            if rollout.due and self.announced.get(uid) != generation:
                self.announced[uid] = generation
                events.append(event_of(rollout))
        return events


def event_of(rollout: FlagRollout) -> FlagRolloutChanged:
    """The event by which `toggle_flag` starts, one for each generation."""
    return FlagRolloutChanged(
        delivery=f"{rollout.metadata.uid}/{rollout.metadata.generation}",
        namespace=rollout.namespace,
        flag_rollout=rollout.name,
    )
