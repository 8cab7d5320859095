"""The status of a Kustomization: written with a fence, and said as Kubernetes Events where it changed."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import KUSTOMIZATION
from blocks.kubernetes.reports import report
from sluice.errors import ConflictError, NotFoundError, SluiceError
from sluice.manifests.conditions import READY, find_condition
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync import record

Object = dict[str, Any]
log = logging.getLogger("sluice.sync")


class OvertakenError(ConflictError):
    """Somebody has written to the Kustomization since it was read: a person, or another sync."""


@dataclass(slots=True)
class Status:
    """The status of one Kustomization while it is synced.

    Attributes:
        home: the cluster of the Kustomization.
        of: the Kustomization as it was read.
        version: its resourceVersion after our own last write.
    """

    home: Cluster
    of: Kustomization
    version: str

    @classmethod
    def read_from(cls, home: Cluster, kustomization: Kustomization) -> Status:
        """Of a Kustomization that was read just now."""
        return cls(home, kustomization, kustomization.metadata.resource_version)

    async def write(self, body: Object) -> None:
        """Write a status that is fenced by `version`.

        Raises:
            OvertakenError: somebody was faster.
            NotFoundError: it is deleted.
        """
        if not _news(self.of, body["status"]):
            return
        try:
            written = await self.home.patch(KUSTOMIZATION, self.of.name, self.of.namespace, body, subresource="status")
        except ConflictError as error:
            raise OvertakenError(str(error)) from error
        self.of = Kustomization.parse(written)
        self.version = self.of.metadata.resource_version

    async def fail(self, reason: str, error: SluiceError, *, stalled: bool = False) -> None:
        """Write down why a sync did not come to its end. Where that cannot be, the next try will say it."""
        body = record.failed(self.of, reason, str(error), now(), resource_version=self.version, stalled=stalled)
        before = find_condition(self.of.status.conditions, READY)
        try:
            await self.write(body)
        except NotFoundError:
            return
        except SluiceError as other:
            log.warning("%s: its status was not written: %s", self.of, other)
            return
        if before is None or (before.reason, before.message) != (reason, str(error)):
            await self.say(reason, str(error), warning=True)

    async def say(self, reason: str, message: str, *, warning: bool = False) -> None:
        """Make a Kubernetes Event; a sync does not fail for want of one."""
        try:
            await report(self.home, self.of, reason, message, warning=warning)
        except SluiceError as error:
            log.warning("%s: no Event was made: %s", self.of, error)


def _news(known: Kustomization, status: Object) -> bool:
    """Whether a status says anything that the Kustomization does not have already."""
    before = known.status.model_dump(by_alias=True)
    return any(before.get(key) != value for key, value in status.items())


def now() -> datetime:
    """The moment, with a time zone."""
    return datetime.fromtimestamp(time.time(), UTC)
