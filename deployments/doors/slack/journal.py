"""Writes what people asked from chat into the audit trail: what is granted, and what is refused."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from blocks.kubernetes.cluster import Cluster
from sluice.errors import ConflictError, SluiceError
from sluice.gates.answering.records import record, refused, stamp
from sluice.manifests.own.audit_record import Act, AuditRecordSpec

log = logging.getLogger("sluice.receiver")
THROUGH = "slack"
REFUSED_PER_MINUTE = 120
"""Records of refusals: further ones of a minute are in the log alone, for somebody may want to fill the cluster."""
NOBODY, NOTHING = "unknown", "*"


@dataclass(slots=True)
class Trail:
    """The audit trail, as far as chat writes it.

    Attributes:
        home: sluice's own namespace, for what is about no Canary that is known.
        now: seconds since the epoch.
    """

    cluster: Cluster
    home: str
    now: Callable[[], float] = time.time
    _refused: deque[float] = field(default_factory=deque)

    async def grant(self, namespace: str, spec: AuditRecordSpec, key: str) -> bool:
        """Record what was asked: the run of the release acts by it. False where it was recorded before.

        Raises:
            SluiceError: it could not be recorded, so nothing will be done.
        """
        return await self._put(namespace, spec, key)

    async def refuse(self, namespace: str, spec: AuditRecordSpec, why: str, key: str) -> None:
        """Record what was asked and refused; where that fails it is in the log."""
        log.warning("slack: %s asked to %s %s/%s: refused: %s", spec.by, spec.act, namespace, spec.canary, why)
        if not self._room():
            return
        try:
            await self._put(namespace or self.home, refused(spec, why), key)
        except SluiceError as error:
            log.error("slack: a refusal could not be recorded: %s", error)

    async def forged(self, why: str) -> None:
        """Record that somebody who is not Slack was here: once an hour, for anybody can come."""
        at = stamp(self.now())
        spec = AuditRecordSpec(act=Act.REFUSED, by=NOBODY, through=THROUGH, canary=NOTHING, reason=why, at=at)
        try:
            if await self._put(self.home, spec, f"{why}{int(self.now() // 3600)}"):
                log.warning("slack: %s; further ones of this hour are not named", why)
        except SluiceError as error:
            log.error("slack: %s; this could not be recorded: %s", why, error)

    async def _put(self, namespace: str, spec: AuditRecordSpec, key: str) -> bool:
        try:
            await self.cluster.create(record(namespace, spec, key))
        except ConflictError:
            return False
        return True

    def _room(self) -> bool:
        now = self.now()
        while self._refused and now - self._refused[0] > 60:
            self._refused.popleft()
        self._refused.append(now)
        return len(self._refused) <= REFUSED_PER_MINUTE
