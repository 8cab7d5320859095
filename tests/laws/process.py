"""The processes that carry a life's runs: one after the other, each with the keeper and one run at a time, until rest."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from blocks.connections import Connections
from blocks.gates.kinds.base import Ways
from blocks.gates.kinds.table import GateKinds
from blocks.leases.lease import Lease
from blocks.routers import router_for
from blocks.services import Services
from deployments.keeper.keeper import Keeper
from flows import roll_out as story
from flows.rollout_run import RolloutRun
from sluice.errors import LostError, SluiceError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from tasks.people.report import report
from tasks.run_signals import RunSignals, bind
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import RolloutRef
from tests.connected import Provided, connected
from tests.laws.life import NOTHING_LEFT, Life
from tests.laws.people import PRIMARY
from tests.laws.town import Crash, clock
from tests.samples import NAME, NAMESPACE
from tests.virtual_time import in_no_time

COLLECTED = 5
"""Turns after which the garbage collector has come by."""
MOST_TURNS = 150
"""Turns of one run after the last thing that happened: then it has to have ended, or to wait for what it names."""
MOST_LIVES, MOST_RUNS = 60, 80
QUIET = 900.0
"""Seconds of one run after which people do what it waits for: longer than anything else that is waited for."""
LONGEST_LIFE = 2 * 86400.0
"""Seconds, of which a life has a few hours."""
RECONCILED = 60.0
"""Seconds until a run that failed is started once more."""
CLAIMED_WITHIN = 300.0
"""Seconds within which a run has the lease of its Canary, whatever became of who had it before."""
SETTLED_WITHIN = 120.0
"""Seconds after a run's end within which the keeper has put right what people did."""
_NOTHING: Any = None
RESTING = {str(Outcome.UNCHANGED), str(Outcome.REFUSED), str(Outcome.SUSPENDED), str(Outcome.DELETED)}


@dataclass
class Process:
    """Lives of one life's workers.

    Attributes:
        life: whose runs are carried.
        ends: how each run and each process ended.
        left: name and parameters of a run that is under way, or whose process ended; the next process goes on with it.
        mended: people have put right what they did, so that it has to come to rest as it should be.
    """

    life: Life
    ends: list[str] = field(default_factory=list)
    left: tuple[str, RolloutRef] | None = None
    mended: bool = False

    async def until_rest(self) -> None:
        """Run after run, as the watcher and reconcile start them, until nothing is planned and nothing is left to do."""
        for number in range(self.mended * MOST_LIVES, (1 + self.mended) * MOST_LIVES):
            self.life.town.dead = self.life.leaves = False
            try:
                if await self._one(f"life-{number}"):
                    return
            except Crash:
                self.ends.append("crash")
        raise AssertionError(f"it never comes to rest: {self.ends}")

    async def _one(self, name: str) -> bool:
        """One process, to its end or to rest; whether it is rest."""
        life, nothing = self.life, _NOTHING
        parts = {
            "router": router_for,
            "services": Services,
            "metrics": Provided(life),
            "gates": life,
            "gate_kinds": GateKinds(Ways(cluster=nothing, informers=nothing, http=nothing, webhooks=nothing)),
            "flags": life.flags,
        }
        async with connected(life.town, name, **parts) as wired, kept(wired):
            while len(self.ends) < MOST_RUNS:
                self.ends.append(await self._run())
                if life.town.dead:
                    raise Crash
                if life.town.orphaned:
                    life.town.collect()
                if life.leaves:
                    return False
                if self.ends[-1].startswith("failed"):
                    await asyncio.sleep(RECONCILED)
                if self._rests(self.ends[-1]):
                    await self._settled()
                    if not life.next_thing() and await self._at_rest():
                        return True
        raise AssertionError(f"it never comes to rest: {self.ends[-8:]}, {life.said()}")

    async def _run(self) -> str:
        """One run to its end; what it ended in."""
        life = self.life
        life.signals = RunSignals()
        if self.left is None:
            target = life.find(life.kind)
            revision = life.revision_of(target) if target else ""
            self.left = (f"run-{len(self.ends)}", RolloutRef(namespace=NAMESPACE, name=NAME, revision=revision))
        code = asyncio.create_task(self._code(*self.left))
        life.stop = code.cancel
        try:
            while not (await asyncio.wait({code}, timeout=QUIET / 10))[0]:
                if clock() - life.struck_at > QUIET:
                    self._people_come()
        finally:
            life.stop = None
            code.cancel()
        if code.cancelled():
            said = next((one for one in ("ended", "leaving", "cancelled") if getattr(life.signals, one)), "")
            assert said, "a run was cancelled by nobody"
            self.left = self.left if said == "leaving" else None
            return said
        if not isinstance(code.exception(), Crash):
            self.left = None
        return code.result()

    async def _code(self, name: str, ref: RolloutRef) -> str:
        """What the flow `roll_out` does, without Prefect around it."""
        bind(self.life.signals)
        try:
            async with AsyncExitStack() as held:
                async with asyncio.timeout(CLAIMED_WITHIN):
                    lease = await held.enter_async_context(claimed(ref, name))
                return await self._reported(ref, name, lease)
        except LostError as error:
            return f"lost: {error}"
        except SluiceError as error:
            return f"failed: {error}"

    async def _reported(self, ref: RolloutRef, name: str, lease: Lease) -> str:
        """Carry it, and say on the Canary why a run fails."""
        try:
            return str(await self._carried(ref, name, lease))
        except LostError:
            raise
        except SluiceError as error:
            with patch.object(story, "report", report.fn):
                there = await story._reported(ref, error)
            return f"failed: {error}" if there else str(Outcome.DELETED)

    async def _carried(self, ref: RolloutRef, name: str, lease: Lease) -> Outcome | None:
        life = self.life
        run = await story.resumed(ref, name, retry_refused=life.retry)
        life.retry = False
        run.cleaning = True  # stages as plain code, so that thousands of runs need no Prefect
        life.quiet, life.struck_at, turn = 0, clock(), story._turn

        async def observed(run: RolloutRun) -> None:
            await turn(run)
            self._turned()

        with patch.object(story, "_turn", observed), patch.object(story, "get_run_logger", logging.getLogger):
            await story.brought(run, lease)
        await run.flush()
        return run.outcome

    def _turned(self) -> None:
        life = self.life
        if life.town.dead:
            raise Crash
        life.quiet += 1
        life.pass_on()
        if life.quiet % COLLECTED == 0 and life.town.orphaned:
            life.town.collect()
        if life.quiet > MOST_TURNS:
            self._people_come()
            life.quiet = 0

    def _people_come(self) -> None:
        """A run goes on and on: what is planned next happens, or what it waits for."""
        life = self.life
        assert clock() < LONGEST_LIFE, (
            f"it goes on for ever: {life.town.acts[-6:]}, {life.happened[-4:]}, {life.said()}"
        )
        if not life.next_thing() and not life.what_it_waits_for_comes():
            raise AssertionError(f"it waits for nobody, and does not end: {life.town.acts[-6:]}, {life.said()}")

    def _rests(self, end: str) -> bool:
        """Whether a run that ended like this leaves nothing to do until somebody does something."""
        if end.startswith("failed") and self.life.impossible():
            self.life.town.collect()
        elif end not in RESTING:
            return False
        return True

    async def _settled(self) -> None:
        """A run has ended: what people did since is looked after by the keeper."""
        end = clock() + SETTLED_WITHIN
        await asyncio.sleep(1)
        while self._astray() and clock() < end:
            await asyncio.sleep(1)
        if self.life.town.dead:
            raise Crash
        assert not self._astray() or self.life.in_the_way(), f"a run ended with users astray: {self.ends[-1]}"

    async def _at_rest(self) -> bool:
        """At the end of a life everything is as it should be, as soon as the keeper has had its time.

        Where nobody has kept what the primary ran, people do what they are asked to; False then, for it begins from there.
        """
        end = clock() + SETTLED_WITHIN
        while self.mended:
            try:
                self.life.at_rest()
                return True
            except AssertionError:
                if NOTHING_LEFT in self.life.said():
                    canary = self.life.town.now("Canary", NAME, NAMESPACE)
                    self.life.town.add({key: value for key, value in canary.items() if key != "status"})
                    return False
                if clock() >= end:
                    raise
            await asyncio.sleep(1)
        return True

    def _astray(self) -> bool:
        """Whether users meet pods of the target, which are the canary's; or of a primary that nobody wants any more."""
        life = self.life
        users = {pod["metadata"]["name"] for service in life.users_at() for pod in life.town.behind(service, NAMESPACE)}
        canary = {pod["metadata"]["name"] for pod in life.town.pods(NAME, NAMESPACE)}
        if life.unmade():
            # Whose primary was cancelled has its users where they were before: nobody keeps a primary for them.
            primary = {pod["metadata"]["name"] for pod in life.town.pods(PRIMARY, NAMESPACE)}
            return life.status.get("phase") == Phase.FAILED and bool(users & primary)
        return bool(users & canary)


@asynccontextmanager
async def kept(wired: Connections) -> AsyncIterator[None]:
    """The keeper of a process, for the duration of the block; its worker begins it once more where it ends."""

    async def supervised() -> None:
        while True:
            with suppress(SluiceError):
                await Keeper.of(wired).keep()
            await asyncio.sleep(1)

    keeping = asyncio.create_task(supervised())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


class Faults(logging.Handler):
    """What sluice logs as an error is what it did not expect."""

    def __init__(self, life: Life) -> None:
        super().__init__(logging.ERROR)
        self.life = life

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info and record.exc_info[1]
        self.life.blame(f"a fault of sluice: {record.getMessage()}: {cause!r}")


@contextmanager
def heard(life: Life) -> Iterator[None]:
    """Have a life blame what sluice logs as an error."""
    ears, ours, loops = Faults(life), logging.getLogger("sluice"), logging.getLogger("asyncio")
    ours.addHandler(ears)
    loops.disabled = True  # it would print what a process that crashed left behind
    try:
        yield
    finally:
        loops.disabled = False
        ours.removeHandler(ears)


def lived(life: Life) -> Life:
    """To the end of what is planned; then people put right what they did, and the rollout comes to rest."""

    async def both() -> None:
        process = Process(life)
        await process.until_rest()
        life.mend()
        process.mended = True
        await process.until_rest()

    chance = random.getstate()
    random.seed(1)  # pauses have jitter: a life that is played again is the one that it was
    try:
        with heard(life):
            in_no_time(both)
    finally:
        random.setstate(chance)
    assert not life.blamed, (life.blamed, life.happened)
    return life
