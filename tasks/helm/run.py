"""Look, decide, act: a release is brought to what is wanted, step by step, each written down before and after."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from blocks.connections import Connections
from blocks.helm.storage import revisions
from blocks.kubernetes.kinds import HELM_RELEASE
from blocks.leases.lease import Lease
from sluice.errors import ConflictError, LostError, SluiceError
from sluice.helm import record, results
from sluice.helm.arguments import timeout_of
from sluice.helm.conditions import updated
from sluice.helm.decide import decide
from sluice.helm.decision import ACTS, RELEASING, Decision, Step
from sluice.helm.names import release_name, shortened
from sluice.helm.objects.manifest import inventory_of
from sluice.helm.record import Outcome
from sluice.helm.storage import StoredRelease
from sluice.manifests.conditions import find_condition
from sluice.manifests.flux.helm.release import HelmRelease
from tasks.helm.acts import Acting, act
from tasks.helm.drift import compare, objects_in, summary
from tasks.helm.look import Look
from tasks.helm.status import now, posted, write
from tasks.helm.values import masked

ROUNDS = 3
"""Times that a run goes on after a remedy; then it is the next run's turn."""
PAUSE = 1.0
"""Seconds before the first of these, twice as long before each next one."""


class BusyError(SluiceError):
    """Another run of sluice acts on the release at this moment."""


class ReleaseRun:
    """One run.

    Attributes:
        release: as it was last written.
        acts: what was done, in order.
    """

    def __init__(self, look: Look, release: HelmRelease) -> None:
        self.look, self.release = look, release
        self.home = look.wired.cluster
        self.acts: list[Step] = []
        self._drifted: bool | None = None
        self._lease: Lease | None = None

    async def to_its_end(self) -> Decision:
        """Go on until nothing is left to do in this run; what it ended with.

        Raises:
            BusyError: another run is at it.
            ConflictError: somebody changed the HelmRelease: look again.
            LostError: the right to act is gone.
            TransientError: the cluster does not answer.
        """
        await self._write(record.prepared(self.release, self.look.wanted, now()))
        try:
            for round_ in range(ROUNDS):
                ending = await self._round()
                if ending.step is not Step.AGAIN or self.release.retry or round_ == ROUNDS - 1:
                    return ending
                await asyncio.sleep(PAUSE * 2**round_)
            return ending
        finally:
            if self._lease is not None:
                await asyncio.shield(self._lease.release())

    async def _round(self) -> Decision:
        done: list[Step] = []
        while True:
            found = await self._stored()
            decision = decide(self.release, found, self.look.wanted, now(), done=done, drifted=self._drifted)
            if decision.step is Step.COMPARE:
                await self._compare(found[0])
            elif decision.step is Step.RECORD:
                await self._claim()
                await self._write(results.recorded(self.release, self.look.wanted, found, now()))
            elif decision.step in ACTS:
                await self._claim()
                await self._act(decision, found)
                done.append(decision.step)
            else:
                return await self._end(decision)

    async def _stored(self) -> list[StoredRelease]:
        return await revisions(self.look.cluster, self.release.storage_namespace, release_name(self.release))

    async def _act(self, decision: Decision, found: list[StoredRelease]) -> None:
        lease = self._lease
        await self._write(record.begun(self.release, decision, timeout_of(self.release, decision.step), now()))
        begun = time.monotonic()
        error = ""
        try:
            await act(Acting(self.look, self.release, decision, found, lease.check if lease else lambda: None))
        except LostError:
            raise
        except SluiceError as failure:
            error = masked(str(failure), self.look.hidden)
        outcome = Outcome(error, time.monotonic() - begun)
        self.acts.append(decision.step)
        after = await self._stored()
        ended = results.ended(self.release, decision, self.look.wanted, outcome, after, now())
        if decision.step in RELEASING and after and not error:
            ended = updated(ended, inventory=inventory_of(await objects_in(self.look.cluster, after[0])))
        if decision.step is Step.CORRECT:
            self._drifted = bool(error)
        await self._write(ended)
        await self._tell(decision, error)

    async def _compare(self, last: StoredRelease) -> None:
        found = [one for _, one in await compare(self.look, self.release, last)]
        self._drifted = bool(found)
        if found:
            lines = summary(found)
            await self._write(record.drifted(self.release, lines, now()))
            await posted(self.home, self.release, "DriftDetected", "\n".join(lines), warning=True)
        else:
            await self._write(record.undrifted(self.release, now()))

    async def _end(self, decision: Decision) -> Decision:
        match decision.step:
            case Step.DONE:
                ended = record.finished(record.settled(self.release, now()), observed=True)
            case Step.STALLED:
                ended = record.finished(record.stalled(self.release, decision, now()), observed=True)
            case Step.FOREIGN:
                ended = record.finished(
                    record.waiting(self.release, "PendingRelease", decision.reason, now()), observed=False
                )
            case _:
                ended = record.finished(record.to_go_on(self.release, now()), observed=False)
        await self._write(ended)
        return decision

    async def _claim(self) -> None:
        """Get the right to act, once: of two runs one acts, and the other looks again later."""
        if self._lease is not None:
            return
        lease = lease_of(self.look.wired, self.release)
        if not await lease.try_claim():
            raise BusyError(f"another run acts on {self.release}")
        self._lease = lease
        fresh = HelmRelease.parse(await self.home.get(HELM_RELEASE, self.release.name, self.release.namespace))
        if fresh.metadata.resource_version != self.release.metadata.resource_version:
            raise ConflictError(f"{self.release} was changed meanwhile: look again")

    async def _write(self, after: HelmRelease) -> None:
        self.release = await write(self.home, self.release, after)

    async def _tell(self, decision: Decision, error: str) -> None:
        kinds = {Step.TEST: "TestSuccess", Step.ROLLBACK: "Remediated", Step.UNINSTALL: "Remediated"}
        if decision.step is Step.CORRECT:
            reason, said = (
                ("DriftCorrectionFailed", error) if error else ("DriftCorrected", "what was changed is put right")
            )
        else:
            said_of = find_condition(self.release.status.conditions, kinds.get(decision.step, "Released"))
            reason, said = (said_of.reason, said_of.message) if said_of else (str(decision.step), decision.reason)
        await posted(self.home, self.release, reason, said, warning=bool(error) or reason.endswith("Failed"))


def lease_of(wired: Connections, release: HelmRelease) -> Lease:
    """The right of one run to act on a release."""
    name = f"sluice-helm-{shortened(release.name)}"
    run = uuid4().hex[:12]
    return Lease(wired.cluster, wired.informers, wired.lease, wired.workers, name, release.namespace, run)


@asynccontextmanager
async def claimed(wired: Connections, release: HelmRelease) -> AsyncIterator[Lease]:
    """Hold the right to act for the duration of the block.

    Raises:
        BusyError: another run has it.
    """
    lease = lease_of(wired, release)
    if not await lease.try_claim():
        raise BusyError(f"another run acts on {release}")
    try:
        yield lease
    finally:
        await asyncio.shield(lease.release())
