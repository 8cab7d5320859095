"""Judging through one step: scrape, ask what the rule wants to know, wait for the next scrape, until there is a verdict.

What a verdict is, and which judge is heard first, is `sluice/judge/step.py`'s to say.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace

from blocks.kubernetes.informers import Followed
from blocks.kubernetes.kinds import CANARY
from sluice.errors import NotFoundError, TransientError
from sluice.gates.points import When, asked_at
from sluice.judge.judgement import Judgement
from sluice.judge.sequential import findings
from sluice.judge.silence import silence
from sluice.judge.state import JudgeState
from sluice.judge.step import Ask, Moment, StepVerdict, evidence_of, step_verdict
from sluice.judge.verdict import Silence, Verdict
from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.manifests.flagger.phase import Phase
from sluice.replay.checks import Checks
from sluice.replay.recording import Recorder
from sluice.rollout.journal import entry, judge_state
from sluice.rollout.result import Point, StepResult
from sluice.rollout.strategy import plan
from tasks.measuring.measure import Measures, Scrape
from tasks.measuring.synthetic_load import SyntheticLoad
from tasks.run_signals import signals_for_current_run
from tasks.scene.rollout_ref import RolloutRef, Scene

SCRAPE_PERIOD = 2.0
"""Seconds between scrapes until they are seen; then the next look comes right after the next scrape."""
SEARCH = 0.4
"""Seconds between looks while no scrape has been seen yet."""
AFTER_SCRAPE = 0.15


class Step:
    """The judging of one step."""

    def __init__(
        self, scene: Scene, ref: RolloutRef, measures: Measures, target: Followed, index: int, weight: int
    ) -> None:
        self.scene, self.ref, self.measures, self.target = scene, ref, measures, target
        self.index, self.weight = index, weight
        self.state: JudgeState = judge_state(scene.canary, ref.revision, measures.metrics.now())
        self.points: list[Point] = []
        self.waits_for: Verdict | None = None
        analysis = scene.canary.spec.analysis
        assert analysis is not None  # noqa: S101 - without one there is no step
        self.analysis: CanaryAnalysis = analysis
        checks = Checks.sluices(analysis)
        self.recorder = Recorder(weight, self.state, measures.objectives, measures.policy, checks)
        self.interval = analysis.interval
        # The journal knows when the step began, by the wall clock of the process that began it; from here on a clock that
        # nobody sets is asked.
        left = scene.canary.status.step_started + self.interval - time.time()
        self.ends = time.monotonic() + min(max(left, 0.0), self.interval)
        self.gives_up = self.ends + scene.canary.spec.progress_deadline_seconds
        self.load = SyntheticLoad(scene, self.interval)

    async def judge(self) -> StepResult:
        """Judge until the step ends."""
        signals = signals_for_current_run()
        while True:
            self.scene.lease.check()
            cut_short = "a newer revision came" if self._moved_on() else await self._astray()
            if cut_short:
                return self._result(Judgement(verdict=Verdict.CONTINUE, reason=cut_short))
            await self._keep_frozen()
            scrape = await self.measures.scrape(self.state)
            self._note(scrape)
            now = self._moment(scrape, paused=signals.paused)
            if not scrape.provider_down and self._nobody_asks():
                self.load.call()
            found = await self._verdict(now)
            if found is not None and found.ends:
                return self._result(found.judgement, fatal=found.fatal)
            if found is not None:
                await self._wait(found.judgement, over=now.over)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.target.change(), self._pause(scrape))

    def _moment(self, scrape: Scrape, *, paused: bool) -> Moment:
        """What is known right after a scrape."""
        now, measures = time.monotonic(), self.measures
        return Moment(
            evidence=evidence_of(self.state, measures.objectives, measures.policy, self.analysis, scrape.provider_down),
            over=now >= self.ends,
            extended=now >= self.ends + self.interval,
            given_up=now >= self.gives_up,
            paused=paused,
            last=self.index + 1 >= len(plan(self.analysis)),
            provider_down=scrape.provider_down,
            windows=scrape.windows,
        )

    async def _verdict(self, now: Moment) -> StepVerdict | None:
        """The verdict at this moment, with what it takes asked for; None where the step just goes on."""
        while True:
            found = step_verdict(self.analysis, now)
            if isinstance(found, StepVerdict):
                return found
            if found is Ask.SCRAPE:
                return None
            now = await (self._checked(now) if found is Ask.CHECK else self._gated(now))

    async def _checked(self, now: Moment) -> Moment:
        try:
            queried = await self.measures.own_readings()
        except TransientError as error:
            return replace(now, provider_down=str(error))
        score = self.measures.score() if self.analysis.comparison else None
        return replace(now, queried=tuple(queried), score=score)

    async def _gated(self, now: Moment) -> Moment:
        """The moment with the answers of the gates of a step; after one that is closed no other is asked."""
        for webhook in self.analysis.webhooks:
            if asked_at(webhook, When.STEP):
                answer = await self.scene.wired.gates.ask(webhook, self.scene.canary)
                if not answer.open:
                    return replace(now, closed=f"gate {answer.gate}: {answer.said}")
        return replace(now, closed="")

    async def _wait(self, judgement: Judgement, *, over: bool) -> None:
        """Write into the Canary's status what a step waits for, once for each kind of reason; call for load in silence."""
        if judgement.verdict is Verdict.NO_DATA:
            self.load.call()
        if not over or judgement.verdict is self.waits_for:
            return
        self.waits_for = judgement.verdict
        stands = "is held" if judgement.verdict is Verdict.HOLD else "waits"
        said = f"{self.ref.version} {stands} at {self.weight} %: {judgement.reason}"
        await self.scene.write(entry(self.scene.canary, time.time(), Phase.PROGRESSING, said))

    def _nobody_asks(self) -> bool:
        quiet = silence(self.state, self.measures.policy) if self.measures.objectives else None
        return quiet is not None and quiet[0] is Silence.NO_TRAFFIC

    async def _keep_frozen(self) -> None:
        """Freeze the target again where somebody who applied it whole has thawed it: its pods are what is judged."""
        if self.target.object and self.scene.workload.writes.frozen(self.target.object):
            await self.scene.canaries.freeze(self.scene.canary)

    async def _astray(self) -> str:
        """What is no longer as the step has it, and has to be put right before it is judged; empty where nothing is."""
        informers, canary = self.scene.wired.informers, self.scene.canary
        known = informers.known(CANARY, canary.name, canary.namespace)
        if known and known["metadata"].get("deletionTimestamp"):
            return "the Canary is being deleted"
        weight = await self.scene.router.weight(canary)
        if weight == self.weight:
            return ""
        return "the route is gone" if weight is None else f"somebody has given the canary {weight} % of the traffic"

    def _moved_on(self) -> bool:
        if self.target.object is None:
            raise NotFoundError(
                f"{self.scene.workload.kind} {self.ref.namespace}/{self.scene.canary.target} was deleted"
            )
        return self.scene.workload.revision(self.scene.canary, self.target.object) != self.ref.revision

    def _pause(self, scrape: Scrape) -> float:
        """Seconds until the next look: right after the next scrape, or at the end of the step."""
        now, left = self.measures.metrics.now(), self.ends - time.monotonic()
        fresh = now > scrape.newest > now - 2 * SCRAPE_PERIOD
        look = scrape.newest + SCRAPE_PERIOD + AFTER_SCRAPE - now if fresh else SEARCH
        return max(min(look, left), 0.05) if left > 0 else max(look, SEARCH)

    def _note(self, scrape: Scrape) -> None:
        if scrape.look:
            self.recorder.note(scrape.look, self.state, scrape.state)
        self.state = scrape.state
        success = next((one for one in scrape.windows if one.metric == "request-success-rate"), None)
        requests = success.requests if success and success.requests else 0
        value = success.value if success else None
        if not self.points or (value, requests) != (self.points[-1].success, self.points[-1].requests):
            self.points.append(Point(at=time.time(), weight=self.weight, success=value, requests=requests))

    def _result(self, judgement: Judgement, *, fatal: bool = False) -> StepResult:
        # Whichever judge gave the verdict, the evidence belongs to it.
        found = findings(self.state, self.measures.objectives, self.measures.policy)
        judgement = judgement.model_copy(update={"findings": found})
        return StepResult(
            step=self.index,
            weight=self.weight,
            judgement=judgement,
            fatal=fatal,
            points=tuple(self.points),
            recordings=(self.recorder.packed(),),
        )
