"""One rollout at a time per Canary, by a Kubernetes Lease.

It is written when a run claims it and when it releases it; whether its holder lives is known from the worker's lease
(`blocks.leases.worker`). Prefect's limits are not used for this: a lost slot there would mean two actors on one route.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.informers import Informers
from blocks.kubernetes.kinds import LEASE
from blocks.leases.worker import DURATION, LOOK, RENEWAL, WorkerLease, Workers
from blocks.waits import pauses
from sluice.errors import ConflictError, LostError, NotFoundError, SluiceError, TransientError
from sluice.rollout.objects import MANAGED_BY

Object = dict[str, Any]
log = logging.getLogger("sluice.lease")
WORKER_ANNOTATION = "sluice.dev/worker-lease"
"""On a Canary's Lease: where its holder's sign of life is, `namespace/name`."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Lease:
    """The right of one run to act on one Canary.

    Attributes:
        name, namespace: of the Kubernetes Lease.
        run: what tells this run from others of the same process.
        took_over: whether the holder before did not give it back: its last acts may still be on their way.
        token: what marks this holding from all others; written to what is acted on.
    """

    cluster: Cluster
    informers: Informers
    worker: WorkerLease
    workers: Workers
    name: str
    namespace: str
    run: str
    took_over: bool = False
    token: str = ""
    _epoch: int = 0
    _kept: Object = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Who holds it: the process and the run."""
        return f"{self.worker.identity}/{self.run}"

    @property
    def owned(self) -> bool:
        """Whether nobody else can have it."""
        if self._epoch != self.worker.epoch or not self.worker.valid:
            return False
        known = self.informers.known(LEASE, self.name, self.namespace)
        return known is None or _holder(known) == self.identity

    def check(self) -> None:
        """To be called right before each act.

        Raises:
            LostError: the right to act cannot be proven now.
        """
        if not self.owned:
            raise LostError(f"{self.identity} may not act on {self.name}: its lease has run out")

    async def try_claim(self) -> bool:
        """Claim the lease where it is free, ours, or its holder is dead."""
        await self.worker.until_valid()
        epoch = self.worker.epoch
        lease = await self.informers.find(LEASE, self.name, self.namespace)
        holder = _holder(lease)
        if holder not in {"", self.identity} and await self._alive(lease or {}):
            return False
        try:
            self._kept = await self._written(lease)
        except ConflictError:
            with suppress(SluiceError):
                await self.informers.fresh(LEASE, self.name, self.namespace)
            return False
        self.informers.learn(LEASE, self._kept)
        self.took_over = holder not in {"", self.identity}
        self.worker.acting.add(self.identity)
        self.worker.held[(self.name, self.namespace)] = self
        self.token = f"{self.run}/{self._kept['spec']['leaseTransitions']}"
        self._epoch = epoch
        return True

    async def held_by_another(self, *, under_way: bool = False) -> bool:
        """Whether somebody else holds it who lives; of what is under way also one who is dead, for a run goes on with it."""
        known = await self.informers.find(LEASE, self.name, self.namespace)
        if _holder(known) in {"", self.identity}:
            return False
        return under_way or await self._alive(known or {})

    async def regain(self) -> None:
        """After the worker's lease had run out: go on where nobody claimed this one meanwhile.

        Raises:
            LostError: somebody did.
        """
        await self.worker.until_valid()
        epoch = self.worker.epoch
        try:
            self._kept = await self._written(self._kept)
        except ConflictError:
            found = await self.informers.fresh(LEASE, self.name, self.namespace)
            if _holder(found) != self.identity:
                raise LostError(f"{self.name} was claimed by {_holder(found) or 'nobody yet'}") from None
            self._kept = found
            raise
        self.informers.learn(LEASE, self._kept)
        self._epoch = epoch

    async def _written(self, old: Object | None) -> Object:
        """Write it as ours over what is known of it; one that somebody has deleted is made once more.

        Raises:
            ConflictError: somebody else was quicker.
        """
        if old is not None:
            try:
                return await self.cluster.replace(LEASE, self._body(old))
            except NotFoundError:
                pass
            except ConflictError:
                # So the API server says of one that was deleted as well: what is written over it names the old one's uid.
                if await self.cluster.find(LEASE, self.name, self.namespace) is not None:
                    raise
            log.warning("the Lease %s/%s is gone; it is made once more", self.namespace, self.name)
        return await self.cluster.create(self._body(None))

    async def release(self) -> None:
        """Release it so that the next run need not wait; returns whether or not that could be written at once.

        What could not is tried again in the background: only a run of this process could claim it meanwhile.
        """
        self.worker.acting.discard(self.identity)
        if self.worker.held.get((self.name, self.namespace)) is self:
            del self.worker.held[(self.name, self.namespace)]
        if not await self._given_back():
            errand = asyncio.create_task(self._give_back())
            self.worker.errands.add(errand)
            errand.add_done_callback(self.worker.errands.discard)

    async def _give_back(self) -> None:
        waits = pauses(RENEWAL / 3, DURATION)
        while not await self._given_back():
            await asyncio.sleep(next(waits))

    async def _given_back(self) -> bool:
        try:
            lease = await self.informers.get(LEASE, self.name, self.namespace)
            if _holder(lease) == self.identity:
                spec = {**lease["spec"], "holderIdentity": ""}
                self.informers.learn(LEASE, await self.cluster.replace(LEASE, {**lease, "spec": spec}))
        except NotFoundError:
            return True
        except ConflictError:
            with suppress(SluiceError):
                await self.informers.fresh(LEASE, self.name, self.namespace)
            return False
        except SluiceError:
            return False
        return True

    async def _alive(self, lease: Object) -> bool:
        holder = _holder(lease)
        if holder.startswith(f"{self.worker.identity}/"):
            return holder in self.worker.acting  # a run of this process: we know, whether or not it could give it back
        ref = (lease["metadata"].get("annotations") or {}).get(WORKER_ANNOTATION, "")
        # Before it is taken for dead it is looked at after this Lease was read: it may have come back, and have regained it.
        return await self.workers.alive(holder, ref) or await self.workers.alive(holder, ref, fresh=True)

    def _body(self, old: Object | None) -> Object:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = (old or {}).get("spec") or {}
        taken = spec.get("holderIdentity") != self.identity
        meta = dict((old or {}).get("metadata") or {"name": self.name, "namespace": self.namespace})
        meta["labels"] = {**meta.get("labels", {}), **MANAGED_BY}
        meta["annotations"] = {**meta.get("annotations", {}), WORKER_ANNOTATION: self.worker.ref}
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": meta,
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": int(DURATION),
                "acquireTime": now if taken else spec.get("acquireTime", now),
                "renewTime": now,
                "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (1 if taken else 0),
            },
        }


_current: ContextVar[Lease | None] = ContextVar("sluice_lease", default=None)


def current_lease() -> Lease:
    """The lease that the calling run holds.

    Raises:
        LostError: it holds none.
    """
    lease = _current.get()
    if lease is None:
        raise LostError("this run holds no lease: stages that act run inside `claimed()`")
    return lease


@asynccontextmanager
async def owning(lease: Lease, every: float = 0.0) -> AsyncIterator[Lease]:
    """Wait for the lease, then hold it for the duration of the block.

    Args:
        lease: the lease.
        every: seconds between two looks whether its holder lives; as often as is of use where it is 0.
    """
    async with lease.informers.following(LEASE, lease.name, lease.namespace) as followed:
        while not await _claimed(lease):
            with suppress(TimeoutError):
                async with asyncio.timeout(every or LOOK):
                    await followed.change()
    with acting_under(lease):
        try:
            yield lease
        finally:
            await asyncio.shield(lease.release())


@contextmanager
def acting_under(lease: Lease) -> Iterator[None]:
    """Have what is called in the block act under a lease that is held."""
    token = _current.set(lease)
    try:
        yield
    finally:
        _current.reset(token)


async def _claimed(lease: Lease) -> bool:
    try:
        return await lease.try_claim()
    except TransientError:
        return False


def _holder(lease: Object | None) -> str:
    return str(((lease or {}).get("spec") or {}).get("holderIdentity") or "")
