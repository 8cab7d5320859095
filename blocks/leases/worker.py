"""The sign of life of a worker process: one Kubernetes Lease each, that all its rollouts rest on.

Renewing a Lease per rollout would cost the API server hundreds of writes a second. So a Canary's Lease
(`blocks.leases.lease`) is written when it is taken and given back, and refers to this one, which is renewed. The protocol is
client-go's leader election: a waiter compares a holder's renewals with its own clock, never with the holder's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from blocks.kubernetes.api_server import ahead_of_others
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import LEASE
from blocks.leases.process_identity import dead_on_this_host
from sluice.errors import ConflictError, NotFoundError, SluiceError
from sluice.recent import Recent
from sluice.rollout.objects import MANAGED_BY

if TYPE_CHECKING:
    from blocks.leases.lease import Lease

Object = dict[str, Any]
log = logging.getLogger("sluice.lease")
DURATION = 12.0
"""Seconds without renewal after which others take a worker for dead."""
MARGIN = 2.0
"""Seconds before that at which it must take itself for dead: requests on their way, and clocks that run apart."""
RENEWAL = 3.0
LOOK = 1.0
"""Least seconds between two looks at the lease of the same other worker."""
BURIAL = 10 * DURATION
"""Seconds without renewal after which a dead worker's Lease is deleted."""
REMEMBERED = 1000
"""Leases of other workers that are known here: each life has one of its own, and not every one is buried by us."""
WORKER_LABEL = "sluice.dev/worker"


def now() -> float:
    """Seconds on a clock that nobody sets, and that goes on while the process or the machine is stopped."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(slots=True)
class WorkerLease:
    """This process's Lease.

    Attributes:
        cluster, namespace: where it is kept.
        identity: who holds it.
        epoch: rises whenever the lease had run out: others may have taken over what this process held.
        acting: identities of the runs of this process that act on a Canary now.
        held: their leases, by the name of each Lease and its namespace.
        errands: what this process still has to write for runs that are over.
    """

    cluster: Cluster
    namespace: str
    identity: str
    name: str = field(default_factory=lambda: f"sluice-worker-{uuid4().hex[:10]}")
    epoch: int = 1
    acting: set[str] = field(default_factory=set)
    held: dict[tuple[str, str], Lease] = field(default_factory=dict)
    errands: set[asyncio.Task[None]] = field(default_factory=set)
    _valid_until: float = 0.0
    _kept: Object | None = None
    _renewed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ref(self) -> str:
        """Where others find it: `namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def valid(self) -> bool:
        """Whether nobody can have taken this process for dead."""
        return now() < self._valid_until

    async def until_valid(self) -> None:
        """Wait until the lease is held."""
        while not self.valid:
            self._renewed.clear()
            await self._renewed.wait()

    async def renew(self) -> None:
        """Write a sign of life once; the first one makes the Lease.

        Raises:
            SluiceError: it was not written.
        """
        # Others count from the renewal's arrival, so we count from before it was sent.
        began, made = now(), self._kept is None
        try:
            if made:
                self._kept = await self.cluster.create(self._body(None))
            else:
                self._kept = await self.cluster.replace(LEASE, self._body(self._kept))
        except (ConflictError, NotFoundError) as error:
            # The API server says either of one that is gone: what is written over it names the old one's uid.
            self._kept = await self.cluster.find(LEASE, self.name, self.namespace)
            if self._kept is None:
                # Somebody deleted it: to others this process was dead.
                self._valid_until = 0.0
                raise NotFoundError(f"the Lease {self.namespace}/{self.name} was deleted") from error
            raise
        if self._valid_until and not self.valid:
            log.warning("the lease of %s had run out: what it held is checked before it goes on", self.identity)
        if not self.valid:
            self.epoch += 1
        self._valid_until = began + DURATION - MARGIN
        self._renewed.set()

    async def keep(self) -> None:
        """Renew until cancelled, however often that fails."""
        while True:
            pause = RENEWAL
            try:
                async with asyncio.timeout(RENEWAL):
                    with ahead_of_others():
                        await self.renew()
            except (SluiceError, TimeoutError) as error:
                log.warning("the lease of %s is not renewed: %s", self.identity, error or "no answer")
                pause = RENEWAL / 3
            await asyncio.sleep(pause)

    async def give_up(self) -> None:
        """Delete the Lease: what this process owned is free at once."""
        self._valid_until = 0.0
        for errand in self.errands:
            errand.cancel()
        with suppress(SluiceError, TimeoutError):
            async with asyncio.timeout(RENEWAL):
                await self.cluster.delete(LEASE, self.name, self.namespace)

    def _body(self, old: Object | None) -> Object:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        worker = self.identity.rpartition("/")[2]
        meta = {
            "name": self.name,
            "namespace": self.namespace,
            "labels": {**MANAGED_BY, WORKER_LABEL: worker or "none"},
        }
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": old["metadata"] if old else meta,
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": int(DURATION),
                "acquireTime": old["spec"]["acquireTime"] if old else stamp,
                "renewTime": stamp,
            },
        }


@dataclass(slots=True)
class _Seen:
    renewal: str = ""
    since: float = 0.0
    looked: float = float("-inf")


@dataclass(slots=True)
class Workers:
    """Other workers, as seen from this process."""

    cluster: Cluster
    _seen: Recent[str, _Seen] = field(default_factory=lambda: Recent(REMEMBERED))

    async def alive(self, identity: str, ref: str, *, fresh: bool = False) -> bool:
        """Whether a worker has to be taken for alive.

        Args:
            identity: of its process.
            ref: of its Lease, `namespace/name`. Gone is dead: a worker that lost its Lease stops by itself.
            fresh: look now, however lately that was done.
        """
        if dead_on_this_host(identity):
            return False
        seen = self._seen.setdefault(ref, _Seen())
        if fresh or now() - seen.looked >= LOOK:
            namespace, _, name = ref.partition("/")
            asked = now()
            lease = await self.cluster.find(LEASE, name, namespace)
            if lease is None:
                self._seen.pop(ref, None)
                return False
            self._note(seen, lease, asked)
        return seen.looked - seen.since <= DURATION

    async def dead(self, namespace: str | None = None) -> dict[str, str]:
        """Identities of the workers whose Lease is there and has run out, with the Lease's `namespace/name`.

        To be asked again and again: what is seen for the first time counts as renewed just now. What has been dead for long
        is cleared away: a worker that wakes up after that makes a new Lease, and knows that its old one was gone.
        """
        found, asked = {}, now()
        for lease in await self.cluster.list(LEASE, namespace, WORKER_LABEL):
            ref = f"{lease['metadata']['namespace']}/{lease['metadata']['name']}"
            seen = self._seen.setdefault(ref, _Seen())
            self._note(seen, lease, asked)
            identity = lease["spec"].get("holderIdentity") or ""
            if dead_on_this_host(identity) or seen.looked - seen.since > DURATION:
                found[identity] = ref
            if seen.looked - seen.since > BURIAL:
                await self.cluster.delete(LEASE, lease["metadata"]["name"], lease["metadata"]["namespace"])
                self._seen.pop(ref, None)
        return found

    @staticmethod
    def _note(seen: _Seen, lease: Object, asked: float) -> None:
        # An answer tells of the time before it was asked for: if this process was stopped while it waited for the answer,
        # the others may have renewed many times since.
        renewal = lease["spec"].get("renewTime") or ""
        seen.looked = asked
        if renewal != seen.renewal:
            seen.renewal, seen.since = renewal, now()


@asynccontextmanager
async def kept(cluster: Cluster, namespace: str, identity: str) -> AsyncIterator[WorkerLease]:
    """A worker's lease, renewed for the duration of the block and given up after it."""
    lease = WorkerLease(cluster, namespace, identity)
    keeper = asyncio.create_task(lease.keep())
    try:
        yield lease
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        await lease.give_up()
