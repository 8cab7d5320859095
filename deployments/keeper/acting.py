"""What the keeper does about one Canary: look, and act where something differs and nobody else will."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from blocks.connections import Connections
from blocks.kubernetes.kinds import CANARY
from blocks.kubernetes.reports import report
from blocks.leases.lease import Lease, acting_under
from sluice.errors import InvalidError, LostError, NotFoundError, SluiceError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.needs import needs_primary
from sluice.rollout.routes.base import AT_REST
from sluice.rollout.safety.begun import salvaged
from sluice.rollout.tending.finalizer import FINALIZER
from sluice.rollout.workloads import workload_of
from tasks.rollout.fence_out import fence_out
from tasks.scene.claim import lease_for
from tasks.scene.keeping import is_right, put_right
from tasks.scene.primary import UnknownPastError
from tasks.scene.rollout_ref import RolloutRef

Object = dict[str, Any]
Key = tuple[str, str]
log = logging.getLogger("sluice.keeper")
WINDOW, MOST, APART = 60.0, 5, 30.0
"""So many corrections within so many seconds are a fight; from then on they are so many seconds apart."""
FIGHT = (
    f"somebody changed or deleted what this Canary brings forth {MOST} times within {WINDOW:g} s, and it was put right each "
    f"time; from now on that is done every {APART:g} s. The objects' managedFields say who: have that leave them alone"
)
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before what could not be put right is tried again."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a look: seconds after which to look once more, 0 where the next change is soon enough."""

    once_more: float = 0.0


@dataclass(slots=True)
class Struggle:
    """What is remembered of one Canary: when it was put right lately, the present pause, what was logged last."""

    corrections: deque[float] = field(default_factory=deque)
    pause: float = 0.0
    said: str = ""

    def contested(self, now: float) -> bool:
        """Whether somebody changes it again and again."""
        while self.corrections and self.corrections[0] < now - WINDOW:
            self.corrections.popleft()
        return len(self.corrections) >= MOST

    def longer(self) -> float:
        """The next pause."""
        self.pause = min(2 * self.pause, LONGEST_PAUSE) if self.pause else SHORTEST_PAUSE
        return self.pause


@dataclass(slots=True)
class Acting:
    """Looks at Canaries, one at a time each, and acts under the right lease."""

    wired: Connections
    _struggles: defaultdict[Key, Struggle] = field(default_factory=lambda: defaultdict(Struggle))

    async def look(self, namespace: str, name: str) -> Result:
        """Look at one, and put it right where it is this process's to do."""
        key, struggle = (namespace, name), self._struggles[(namespace, name)]
        canary = await self._mine(namespace, name)
        if canary is None:
            self._struggles.pop(key, None)
            return Result()
        lease = self.wired.lease.held.get((f"sluice-{name}", namespace)) or lease_for(
            self.wired, _ref(canary), f"keeper-{uuid4().hex[:8]}"
        )
        if canary.metadata.deletion_timestamp and lease.owned:
            return Result()  # the run that has it gives the application back
        now = time.monotonic()
        contested = struggle.contested(now)
        if contested and struggle.said == FIGHT and now < struggle.corrections[-1] + APART:
            return Result(once_more=struggle.corrections[-1] + APART - now)
        try:
            if await lease.held_by_another(under_way=_under_way(canary)):
                return Result()
            if await is_right(self.wired, lease, canary, FIGHT if contested else ""):
                struggle.pause = 0.0
                # A fight that is over is called over when the window has passed.
                return Result(once_more=WINDOW if contested else 0.0)
            return await self._act(lease, canary, struggle)
        except NotFoundError:
            return Result()  # its target or itself is gone: the next change says more
        except LostError:
            return Result(once_more=SHORTEST_PAUSE)
        except SluiceError as error:
            return await self._after(error, canary, struggle)

    async def _mine(self, namespace: str, name: str) -> Canary | None:
        """The Canary, where there may be something to keep: not before its primary is made, nor while it is collected."""
        item = await self.wired.informers.find(CANARY, name, namespace)
        if item is None:
            return None
        canary = _read(item)
        if canary is None:
            return None
        if canary.metadata.deletion_timestamp:
            return canary if FINALIZER in canary.metadata.finalizers else None
        return None if needs_primary(canary) else canary

    async def _act(self, lease: Lease, canary: Canary, struggle: Struggle) -> Result:
        began = time.monotonic()
        if lease.owned:
            with acting_under(lease):
                written = await self._put_right(lease, canary, struggle)
        else:
            if not await lease.try_claim():
                return Result()  # somebody was quicker; its end is heard of
            try:
                with acting_under(lease):
                    if lease.took_over:
                        await fence_out.fn(_ref(canary))
                    written = await self._put_right(lease, canary, struggle)
            finally:
                await asyncio.shield(lease.release())
        struggle.pause = 0.0
        if written:
            said = f"Put right what somebody had changed or deleted: {', '.join(written)}"
            log.warning("%s: %s, %.1f s after it was seen", canary, said, time.monotonic() - began)
            with suppress(SluiceError):
                await report(self.wired.cluster, canary, "Restored", said)
        return Result()

    async def _put_right(self, lease: Lease, canary: Canary, struggle: Struggle) -> list[str]:
        """By the API server's own word on the Canary: another process may have had it until now."""
        now = _read(await self.wired.informers.fresh(CANARY, canary.name, canary.namespace))
        if now is None:
            return []
        contested = struggle.contested(time.monotonic())
        if contested and struggle.said != FIGHT:
            struggle.said = FIGHT
            with suppress(SluiceError):
                await report(self.wired.cluster, now, "Contested", FIGHT, warning=True)
        written = await put_right(self.wired, lease, now, FIGHT if contested else "")
        if written and not now.metadata.deletion_timestamp:
            struggle.corrections.append(time.monotonic())
        return written

    async def _after(self, error: SluiceError, canary: Canary, struggle: Struggle) -> Result:
        """Inform people once where one has to help; try again in any case."""
        if struggle.said != str(error):
            struggle.said = str(error)
            log.warning("%s is not as it is to be, tried again: %s", canary, error)
            if isinstance(error, InvalidError | UnknownPastError):
                with suppress(SluiceError):
                    await report(self.wired.cluster, canary, "NotRestored", str(error), warning=True)
        return Result(once_more=struggle.longer())


def _read(item: Object) -> Canary | None:
    """A Canary. At rest one that is not valid has users all the same: they are led home by what can be read of it."""
    try:
        canary = Canary.parse(item)
        workload_of(canary)
    except InvalidError:
        try:
            canary = salvaged(item)
            workload_of(canary)
        except InvalidError:
            return None
        return canary if canary.status.phase in AT_REST and not canary.metadata.deletion_timestamp else None
    return canary


def _under_way(canary: Canary) -> bool:
    return canary.status.phase is not None and canary.status.phase.in_progress


def _ref(canary: Canary) -> RolloutRef:
    return RolloutRef(namespace=canary.namespace, name=canary.name, revision=canary.status.last_applied_spec)
