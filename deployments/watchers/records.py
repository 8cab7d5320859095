"""The watcher of records: somebody wants a revision that was rolled back to be tried once more, which starts `roll_out`.

All else that people ask for is heard by the run of the release itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.follow import News, follow
from blocks.kubernetes.kinds import AUDIT_RECORD, CANARY
from deployments.watchers.announcer import Announcer, log
from sluice.errors import InvalidError, SluiceError
from sluice.events.model import TargetChanged
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.own.audit_record import ASKS, Act, AuditRecord

PAUSE = 2.0
"""Seconds before the Canaries of records are asked for again, where the cluster did not answer."""


@dataclass(slots=True)
class RecordWatcher:
    """Records by which somebody wants another try, and that wait for a look at their Canary."""

    cluster: Cluster
    announcer: Announcer
    waiting: asyncio.Queue[AuditRecord] = field(default_factory=asyncio.Queue)

    async def watch(self, namespace: str | None) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(follow(self.cluster, AUDIT_RECORD, self.take, namespace, f"{ASKS}=true"))
            group.create_task(self._look())

    def take(self, change: News) -> None:
        """Keep the records that call for another try."""
        for item in change.objects if not change.gone else ():
            try:
                record = AuditRecord.parse(item)
            except InvalidError as error:
                log.error("%s", error)
                continue
            if record.spec.act is Act.RETRY:
                self.waiting.put_nowait(record)

    async def _look(self) -> None:
        while True:
            records = [await self.waiting.get()]
            while not self.waiting.empty():  # a watch that begins brings all that there are
                records.append(self.waiting.get_nowait())
            for namespace in {one.namespace for one in records}:
                await self._announce(namespace, [one for one in records if one.namespace == namespace])

    async def _announce(self, namespace: str, records: list[AuditRecord]) -> None:
        """Announce those of a namespace that call for another try now, by one list of its Canaries."""
        try:
            canaries = {one.name: one for one in Canary.valid(await self.cluster.list(CANARY, namespace))}
        except SluiceError as error:
            log.warning("%d other tries in %s wait: %s", len(records), namespace, error)
            for record in records:
                self.waiting.put_nowait(record)
            await asyncio.sleep(PAUSE)
            return
        for record in records:
            canary = canaries.get(record.spec.canary)
            if canary is not None and due(record, canary):
                self.announcer.announce(event_of(record))


def due(record: AuditRecord, canary: Canary) -> bool:
    """Whether a record calls for another try of what the journal says was rolled back; one that had its try does not."""
    status = canary.status
    before = status.begun_with.heard if status.begun_with else 0
    return status.phase is Phase.FAILED and status.last_applied_spec == record.spec.revision and record.version > before


def event_of(record: AuditRecord) -> TargetChanged:
    """The event by which `roll_out` starts, one for each record."""
    return TargetChanged(
        delivery=f"retry/{record.metadata.uid}",
        namespace=record.namespace,
        canary=record.spec.canary,
        revision=record.spec.revision,
        version=record.spec.version,
    )
