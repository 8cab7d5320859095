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
"""Seconds before the Canary of a record is asked for again, where the cluster did not answer."""


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
            record = await self.waiting.get()
            try:
                found = Canary.valid(await self.cluster.list(CANARY, record.namespace))
                if any(due(record, one) for one in found if one.name == record.spec.canary):
                    self.announcer.announce(event_of(record))
            except SluiceError as error:
                log.warning("another try of %s waits: %s", record.spec.canary, error)
                self.waiting.put_nowait(record)
                await asyncio.sleep(PAUSE)


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
