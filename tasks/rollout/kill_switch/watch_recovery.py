"""Watch recovery: whether what failed a revision is over since its flags are off. The weight stays meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sluice.errors import TransientError
from sluice.judge.recovery import Course, Failing, Recovery, recovery
from sluice.judge.state import JudgeState
from sluice.manifests.flagger.kill_switch import FlagsStatus, SwitchState
from sluice.manifests.flagger.phase import Phase
from sluice.measures.counts import Counts
from sluice.notices.message import Occasion
from sluice.rollout.decision import Decision
from sluice.rollout.journal import entry, flags_entry, fresh_evidence
from sluice.rollout.result import StageResult
from tasks.measuring.measure import Measures
from tasks.measuring.unchanged import Unchanged, unchanged
from tasks.people.leave_event import leave_event
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage

FIRST_PAUSE, LEAST_PAUSE = 0.4, 0.05
"""Seconds between looks while no scrape is known, and at least."""
LOOKS = 2
"""Looks in a row at which the user's own queries have to be within their bounds, where nothing else shows a recovery."""


@stage("watch recovery", run_name="watch recovery {ref}")
async def watch_recovery(ref: RolloutRef, decision: Decision) -> StageResult:
    """Watch until the revision has recovered or cannot within its time, and write which. Idempotent.

    What is not the judge's (a newer revision, an edit, a person's wish) ends the watching; it is decided anew.
    """
    scene = await Scene.of(ref)
    scene.check_current(ref)
    async with unchanged(scene, ref) as under:
        watch = _Watch(scene, ref, decision, Measures.of(scene), under)
        found = await watch.ended()
    if found is None:
        return StageResult(unjudged=True)
    return await (watch.go_on(found) if found.course is Course.RECOVERED else watch.give_up(found))


@dataclass(slots=True)
class _Watch:
    """One watch.

    Attributes:
        within: looks in a row at which the user's own queries were within their bounds.
    """

    scene: Scene
    ref: RolloutRef
    decision: Decision
    measures: Measures
    under: Unchanged
    within: int = 0

    @property
    def journal(self) -> FlagsStatus:
        return self.scene.canary.status.flags

    async def ended(self) -> Recovery | None:
        """How it ends; None where something else is to be decided first."""
        state = JudgeState(revision=self.ref.revision, since=self.journal.since)
        quiet_since = time.monotonic()
        while not (self.under.over() or await self._astray()):
            await self.measures.learn_pace()
            scrape = await self.measures.scrape(state)
            if scrape.newest > state.newest:
                quiet_since = time.monotonic()
            state = scrape.state
            found = await self._found(scrape.provider_down)
            if found.course is not Course.OPEN:
                return found
            left = self.journal.until - self.measures.metrics.now()
            pause = min(self.measures.pause(time.monotonic() - quiet_since, FIRST_PAUSE), max(left, 0.0))
            await self.under.change(max(pause, LEAST_PAUSE))
        return None

    async def _found(self, provider_down: str) -> Recovery:
        """What can be said right after a scrape: of the requests, then of the user's own queries."""
        objectives = {one.metric.name: one for one in self.measures.objectives}
        failing = [
            Failing(one.name, objectives[one.name].allowed, Counts(one.requests, one.bad))
            for one in self.journal.failing
            if one.name in objectives
        ]
        moments = {name: tally.moments(0.0) for name, tally in self.measures.tallies.items()}
        since, left = self.journal.since, self.journal.until - self.measures.metrics.now()
        found = recovery(failing, moments, since, left, self.measures.policy)
        if provider_down:
            found = Recovery(Course.OPEN, since, provider_down)
        if found.course is Course.RECOVERED:
            found = await self._by_own_queries(found, counted=bool(failing))
        if found.course is Course.OPEN and left <= 0:
            return Recovery(Course.HOPELESS, found.since, found.said)
        return found

    async def _by_own_queries(self, found: Recovery, *, counted: bool) -> Recovery:
        """What the user's own queries say where requests have nothing against it; where neither speaks nothing is shown."""
        try:
            readings = await self.measures.own_readings()
        except TransientError as error:
            return Recovery(Course.OPEN, found.since, str(error))
        outside = [str(one) for one in readings if not one.within]
        self.within = 0 if outside else self.within + 1
        if not outside and readings and not counted and self.within < LOOKS:
            return Recovery(Course.OPEN, found.since, "one more look")
        if outside or not (readings or counted):
            return Recovery(Course.OPEN, found.since, "; ".join(outside) or "nothing that failed can be watched")
        said = "; ".join(one for one in (found.said, *map(str, readings)) if one)
        since = found.since if counted else self.measures.metrics.now()
        return Recovery(Course.RECOVERED, since, said)

    async def _astray(self) -> bool:
        """Whether somebody has changed the canary's traffic."""
        return await self.scene.router.weight(self.scene.canary) != self.decision.traffic.canary

    @property
    def _flags(self) -> str:
        return ", ".join(one.key for one in self.journal.off if one.revision == self.ref.revision)

    async def go_on(self, found: Recovery) -> StageResult:
        """Write that the release goes on with its step, judged by what came since the last failure."""
        after = self.measures.metrics.now() - self.journal.since
        said = f"{self.ref.version} recovered within {after:.0f} s with {self._flags} off, and goes on: {found.said}"
        fields = {
            "evidence": fresh_evidence(self.ref.revision, found.since),
            "failedChecks": 0,
            "iterations": 0,
            "stepStarted": time.time(),
        }
        await self._write(SwitchState.RECOVERED, said, self.journal.reason, **fields)
        await leave_event(self.scene.canary, "RecoveredWithFlagsOff", said)
        facts = {"Flags": self._flags, "Recovered after": f"{after:.0f} s", "Give back": self._command}
        return StageResult(news=Occasion.RECOVERED, reason=said, facts=facts, unjudged=True, recovered=True)

    async def give_up(self, found: Recovery) -> StageResult:
        """Write that it has not recovered, and with it that the release goes home."""
        after = self.measures.metrics.now() - self.journal.since
        reason = (
            f"{self.journal.reason}; {self._flags} switched off, and not recovered {after:.0f} s later: {found.said}; "
            f"give the flags back: {self._command}"
        )
        fields = {"rollbackReason": reason, "failedChecks": self.decision.failed_checks}
        await self._write(SwitchState.NOT_RECOVERED, f"Rolling {self.ref.version} back: {reason}", reason, **fields)
        await leave_event(self.scene.canary, "NotRecoveredWithFlagsOff", reason, warning=True)
        return StageResult(reason=reason)

    @property
    def _command(self) -> str:
        return f"sluice flags restore {self.ref.name}.{self.ref.namespace}"

    async def _write(self, state: SwitchState, said: str, reason: str, **fields: object) -> None:
        journal = self.journal.model_copy(update={"state": state, "reason": reason})
        phase = self.scene.canary.status.phase or Phase.PROGRESSING
        await self.scene.write(entry(self.scene.canary, time.time(), phase, said, flags=flags_entry(journal), **fields))
