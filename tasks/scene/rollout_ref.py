"""What every stage of a rollout gets: which Canary, which revision. All else it reads from the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ConfigDict

from blocks.connections import Connections, connections
from blocks.kubernetes.informer import Followed
from blocks.kubernetes.kinds import kind_of
from blocks.kubernetes.rollouts.canaries import Canaries
from blocks.kubernetes.writer import Writer
from blocks.leases.lease import Lease, current_lease
from blocks.routers.base import Router
from blocks.routers.way_in import ensure_way_in, release_way_in
from blocks.services import Services
from sluice.errors import NotFoundError, StaleError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_status import RunEnd
from sluice.manifests.flagger.phase import Phase
from sluice.measures.objective import Telemetry
from sluice.rollout.decision import Outcome
from sluice.rollout.objects import REVISION_ANNOTATION
from sluice.rollout.strategies.base import Traffic
from sluice.rollout.tending.conditions import Kept
from sluice.rollout.workloads import workload_of

Object = dict[str, Any]
DRAIN = 2.0
"""Seconds between the data plane's acknowledgement that a workload gets no more traffic and its end: requests that were
already on their way, and a proxy that applies what its controller has acknowledged."""

LEASE_LOOK = 2.0
"""Seconds between looks at the lease while something is waited for."""
ENDS_KEPT = 5
"""Runs whose end a Canary remembers: as many as may end while one whose worker died waits to go on."""


class RolloutRef(BaseModel):
    """One revision of one Canary.

    Attributes:
        namespace, name: of the Canary.
        revision: hash of the target's pod template.
        version: what people call it.
    """

    model_config = ConfigDict(frozen=True)
    namespace: str
    name: str
    revision: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name}.{self.namespace}@{self.version}"


class Scene:
    """The Canary with what a stage needs to act on it.

    Attributes:
        broken: why its release cannot go on by the Canary as it is; empty where it can.
        lacks: what tending it found missing that its users do without, and that people have to bring.
    """

    def __init__(
        self, wired: Connections, lease: Lease, canary: Canary, writer: Writer | None = None, *, broken: str = ""
    ) -> None:
        self.broken = broken
        self.wired = wired
        self.lease = lease
        self.canary = canary
        self.writer = writer or writer_of(wired)
        self.canaries = Canaries(self.writer)
        self.services: Services = wired.services(self.writer)
        self.workload = workload_of(canary)
        self.kind = kind_of(self.workload)
        self.lacks: tuple[Kept, str] | None = None
        self.router: Router = wired.router(canary.spec.provider, self.writer)

    @classmethod
    async def of(cls, ref: RolloutRef) -> Scene:
        """Read the Canary, to act on it under the lease that the run holds.

        Raises:
            LostError: it holds none.
        """
        wired, lease = connections(), current_lease()
        return cls(wired, lease, await Canaries(writer_of(wired)).read(ref.name, ref.namespace))

    @classmethod
    async def begun(cls, ref: RolloutRef) -> Scene:
        """Read the Canary by the names that its release was begun by: for what brings that release to an end.

        `broken` says why the release cannot go on by the Canary as it is.

        Raises:
            LostError: the run holds no lease.
        """
        wired, lease = connections(), current_lease()
        canary, broken = await Canaries(writer_of(wired)).begun(ref.name, ref.namespace)
        return cls(wired, lease, canary, broken=broken)

    @property
    def telemetry(self) -> Telemetry | None:
        """How requests to the Canary's sides are counted on their way; None where nothing counts them."""
        return self.wired.telemetry(self.canary)

    async def ensure_way_in(self, target: Object) -> None:
        """Bring Services and route to what manifest and journal say, in the order in which nobody is lost.

        Routers of the provider that the Canary had before divide nobody any more once it is at rest.
        """
        moved = self.moved
        await ensure_way_in(self.services, self.router, self.canary, target, self._others(), moved=moved)
        if moved:
            await self.write({"status": {"begunWith": {"provider": self.canary.spec.provider}}})

    async def shift(self, traffic: Traffic) -> None:
        """Give the sides their shares of the users, as the router does.

        Raises:
            StaleError: somebody deleted the route since it was looked at: it is made again, and the act repeated.
        """
        try:
            await self.router.shift(self.canary, traffic)
        except NotFoundError as error:
            raise StaleError(f"{error}: somebody deleted it just now") from error

    async def ensure_services(self, target: Object, *, apex: bool = False) -> None:
        """Bring the Services of the sides to what they are to be, before what leads users to them; see `Services.ensure`."""
        met = bool(await self.router.weight(self.canary))
        await self.services.ensure(self.canary, target, apex=apex, met=met)

    async def turned(self, target: Object) -> frozenset[str]:
        """The Services that lead users home, and that stay where somebody has turned them while the primary has no pods."""
        return await self.services.held(self.canary, target, apex=not self.router.apex)

    async def release(self) -> None:
        """Put back what leads users to the Canary's sides to what it was, as far as it was somebody's before."""
        await release_way_in(self.services, [self.router, *(self._others() if self.moved else ())], self.canary)

    @property
    def moved(self) -> bool:
        """Whether the provider was changed since the last release: the route of the one before has the users still.

        In the middle of a release it has not: that is brought to its end by the names that it was begun with.
        """
        kept, phase = self.canary.status.begun_with, self.canary.status.phase
        at_rest = phase is not None and not phase.in_progress
        return at_rest and kept is not None and kept.provider != self.canary.spec.provider

    def _others(self) -> Iterable[Router]:
        return self.wired.others(self.canary.spec.provider, self.writer)

    async def write(self, patch: dict[str, Any]) -> None:
        """Write a journal entry, how many pods the primary has, and at which generation the target has its revision."""
        kept: dict[str, Any] = {}
        primary = self.wired.informers.known(self.kind, self.canary.primary, self.canary.namespace)
        pods = self.workload.reads.pods(primary) if primary else 0
        if pods and pods != self.canary.status.primary_pods:
            kept["primaryPods"] = pods
        target = self.wired.informers.known(self.kind, self.canary.target, self.canary.namespace)
        if target is not None:
            kept["trackedTarget"] = self.workload.tracked(self.canary, target)
        if isinstance(patch.get("status"), dict):
            patch = {**patch, "status": {**patch["status"], **kept}}
        self.canary = await self.canaries.write(self.canary, patch)

    def version(self, ref: RolloutRef) -> str:
        """What people call the revision that the journal is about, which may be an older one than the run's own."""
        status = self.canary.status
        if status.last_applied_spec == ref.revision:
            return ref.version
        return (status.begun_with.version if status.begun_with else "") or status.last_applied_spec

    async def rest(self) -> None:
        """Take the canary's pods away: nobody meets them any more. One whose workload is gone has none."""
        with suppress(NotFoundError):
            await self.canaries.scale(self.canary, self.canary.target, 0)

    async def until(self, followed: Followed, condition: Callable[[Object | None], bool], timeout: float) -> bool:
        """Wait until a condition holds for an object; False where it did not within `timeout` seconds.

        Raises:
            LostError: there is nothing more to wait for, another run carries the Canary.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while not await followed.until(condition, min(LEASE_LOOK, max(end - loop.time(), 0))):
            self.lease.check()
            if loop.time() >= end:
                await followed.ask()
                return condition(followed.object)
        return True

    async def given_to_primary(self) -> dict[str, object]:
        """The journal's fields for a promotion that was broken off after the primary had been given the revision.

        It is promoted then, whatever comes next and whichever run writes this down; no fields where it was not.
        """
        if self.canary.status.phase is not Phase.PROMOTING:
            return {}
        primary = await self.canaries.primary(self.canary)
        given = ((primary or {}).get("metadata", {}).get("annotations") or {}).get(REVISION_ANNOTATION, "")
        return {"lastPromotedSpec": given} if given == self.canary.status.last_applied_spec else {}

    def end(self, outcome: Outcome) -> dict[str, object]:
        """The journal's fields for the end of this run."""
        ends = [*self.canary.status.ends, RunEnd(run=self.lease.run, outcome=outcome)]
        return {"ends": [one.model_dump(by_alias=True) for one in ends[-ENDS_KEPT:]]}

    def check_current(self, ref: RolloutRef) -> None:
        """Refuse to act for a revision that the journal is no longer about.

        Raises:
            StaleError: another revision has been begun.
        """
        if self.canary.status.last_applied_spec != ref.revision:
            raise StaleError(f"{self.canary} is at revision {self.canary.status.last_applied_spec}, not {ref.revision}")


def writer_of(wired: Connections) -> Writer:
    """Writes under the lease that the calling run holds.

    Raises:
        LostError: it holds none.
    """
    lease = current_lease()
    return Writer(wired.cluster, wired.informers, lease.check, lease.token)
