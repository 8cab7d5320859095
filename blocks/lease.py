"""One rollout at a time per Canary, by a Kubernetes Lease.

The protocol is client-go's leader election: a holder renews; who waits compares renewals with its own clock, never with the
holder's, and takes over when nothing was renewed for the lease's duration. Prefect's limits are not used for this: a lost
slot there would mean two actors on one route.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blocks.cluster import Cluster
from blocks.kinds import LEASE
from sluice.errors import ConflictError, NotFoundError, SluiceError, TransientError

DURATION = 10.0
"""Seconds without renewal after which a holder has lost the lease."""
RENEWAL = 3.0
WAIT = 0.3
"""Seconds between looks at a lease that somebody else holds."""


def process_identity(worker: str) -> str:
    """Who this process is: host, process id, the kernel's start time of it, and the worker's name."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_started(pid)}/{worker}"


def dead_on_this_host(identity: str) -> bool:
    """Whether the holder was a process of this host that is gone, so that nobody has to wait for its lease to expire."""
    host, _, rest = identity.partition("/")
    pid, _, rest = rest.partition("/")
    started = rest.partition("/")[0]
    return host == socket.gethostname() and pid.isdigit() and _started(int(pid)) != started


def _started(pid: int) -> str:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "gone"
    return after_name[19]


@dataclass(slots=True)
class Lease:
    """The right to act on one Canary.

    Attributes:
        holder: who holds it, as last seen.
        lost: set when it could not be renewed in time: whoever acts has to stop.
    """

    cluster: Cluster
    name: str
    namespace: str
    identity: str
    holder: str = ""
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    _kept: dict[str, Any] | None = None
    _seen: tuple[str, str] = ("", "")
    _seen_at: float = 0.0

    async def try_take(self) -> bool:
        """Take the lease where it is free, ours, expired, or its holder is known to be dead."""
        now = asyncio.get_running_loop().time()
        try:
            lease = await self.cluster.find(LEASE, self.name, self.namespace)
            if lease is None:
                await self.cluster.create(self._body(None))
            else:
                spec = lease.get("spec") or {}
                self.holder = spec.get("holderIdentity") or ""
                renewal = (self.holder, spec.get("renewTime") or "")
                if renewal != self._seen:
                    self._seen, self._seen_at = renewal, now
                expired = now - self._seen_at > float(spec.get("leaseDurationSeconds") or DURATION)
                if self.holder not in {"", self.identity} and not expired and not dead_on_this_host(self.holder):
                    return False
                self._kept = await self.cluster.replace(LEASE, self._body(lease))
        except ConflictError:
            return False
        self.holder = self.identity
        return True

    async def release(self) -> None:
        """Give the lease back so that the next one need not wait; what fails here expires by itself."""
        with suppress(TransientError, NotFoundError):
            lease = await self.cluster.get(LEASE, self.name, self.namespace)
            if (lease.get("spec") or {}).get("holderIdentity") == self.identity:
                lease["spec"]["holderIdentity"] = ""
                await self.cluster.replace(LEASE, lease)

    async def renew(self) -> bool:
        """Renew with one request; where somebody touched the lease meanwhile, look whose it is."""
        if self._kept is not None:
            try:
                self._kept = await self.cluster.replace(LEASE, self._body(self._kept))
            except (ConflictError, NotFoundError):
                self._kept = None
            else:
                return True
        return await self.try_take()

    async def keep(self) -> None:
        """Renew until cancelled; set `lost` when that did not succeed for the lease's duration."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while not self.lost.is_set():
            await asyncio.sleep(RENEWAL)
            # Others count from the renewal's arrival, so we count from before it was sent; and a call that hangs must not
            # hide that the lease is running out. An error of any kind is no renewal.
            began = loop.time()
            with suppress(SluiceError, TimeoutError):
                async with asyncio.timeout_at(renewed + DURATION - RENEWAL):
                    if await self.renew():
                        renewed = began
                    elif self.holder != self.identity:
                        self.lost.set()
            if loop.time() - renewed >= DURATION - RENEWAL:
                self.lost.set()

    def _body(self, old: dict[str, Any] | None) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = (old or {}).get("spec") or {}
        changes = int(spec.get("leaseTransitions") or 0)
        taken = spec.get("holderIdentity") != self.identity
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": (old or {}).get("metadata") or {"name": self.name, "namespace": self.namespace},
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": int(DURATION),
                "acquireTime": now if taken else spec.get("acquireTime", now),
                "renewTime": now,
                "leaseTransitions": changes + 1 if taken and old else changes,
            },
        }


@asynccontextmanager
async def held(cluster: Cluster, name: str, namespace: str, identity: str) -> AsyncIterator[Lease]:
    """Wait for the lease, then hold it for the duration of the block.

    Who acts inside the block looks at `lost` before each act: who cannot prove to be the only actor must not act.
    """
    lease = Lease(cluster, name, namespace, identity)
    while not await _taken(lease):
        await asyncio.sleep(WAIT)
    keeper = asyncio.create_task(lease.keep())
    try:
        yield lease
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        if not lease.lost.is_set():
            await asyncio.shield(lease.release())


async def _taken(lease: Lease) -> bool:
    try:
        return await lease.try_take()
    except TransientError:
        return False
