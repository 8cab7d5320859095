"""Judging through one step: scrape, ask what the rule wants to know, wait for the next scrape, until there is a verdict.

What a verdict is, and which judge is heard first, is `sluice/judge/step.py`'s to say.
"""

from __future__ import annotations

import time
from dataclasses import replace

from sluice.errors import TransientError
from sluice.gates.points import When, asked_at
from sluice.judge.coming import Coming
from sluice.judge.judgement import Judgement
from sluice.judge.missing import missing, unserved
from sluice.judge.sequential import findings
from sluice.judge.silence import silence
from sluice.judge.state import JudgeState
from sluice.judge.step import Ask, Moment, StepVerdict, evidence_of, step_verdict
from sluice.judge.verdict import Silence, Verdict
from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Decision
from sluice.rollout.journal import entry, judge_state
from sluice.rollout.result import StepResult
from sluice.rollout.strategy import plan
from tasks.measuring.kept import Kept
from tasks.measuring.measure import Measures, Scrape
from tasks.measuring.synthetic_load import SyntheticLoad
from tasks.measuring.unchanged import Unchanged
from tasks.scene.rollout_ref import RolloutRef, Scene

SEARCH = 0.4
"""Seconds between the first looks while no scrape has been seen yet."""


class Step:
    """The judging of one step.

    Attributes:
        endless: a step that has passed is judged for another interval, and so on: it waits for a person.
        passed: the verdict of the last interval that passed; None before one has.
        waits_for: what an interval that is over waits for; None where nothing is lacking.
    """

    def __init__(
        self,
        scene: Scene,
        ref: RolloutRef,
        measures: Measures,
        under: Unchanged,
        decision: Decision,
        endless: bool = False,
    ) -> None:
        self.scene, self.ref, self.measures, self.under = scene, ref, measures, under
        self.index, self.traffic, self.endless = decision.step, decision.traffic, endless
        self.weight = self.traffic.canary
        self.state: JudgeState = judge_state(scene.canary, ref.revision, measures.metrics.now())
        self.passed: Judgement | None = None
        analysis = scene.canary.spec.analysis
        assert analysis is not None  # noqa: S101 - without one there is no step
        self.analysis: CanaryAnalysis = analysis
        self.kept = Kept(self.weight, measures, analysis)
        self.interval = analysis.interval
        # The journal knows when the step began, by the wall clock of the process that began it; from here on a clock that
        # nobody sets is asked.
        left = scene.canary.status.step_started + self.interval - time.time()
        self._begin(min(max(left, 0.0), self.interval))
        self.load = SyntheticLoad(scene, self.interval)

    def _begin(self, left: float) -> None:
        """Begin an interval that has so many seconds left."""
        self.ends = time.monotonic() + left
        self.gives_up = self.ends + self.scene.canary.spec.progress_deadline_seconds
        self.waits_for: Verdict | None = None
        self.coming = Coming(time.monotonic(), newest=self.state.newest)

    async def judge(self) -> StepResult:
        """Judge until the step ends."""
        while True:
            if cut_short := self.under.over() or await self._astray():
                return self.result(Judgement(verdict=Verdict.CONTINUE, reason=cut_short))
            await self._keep_frozen()
            await self.measures.learn_pace()
            scrape = await self.measures.scrape(self.state)
            self._note(scrape)
            now = await self._failed_by_route(self._moment(scrape, paused=self.under.held))
            if not scrape.provider_down and self._nobody_asks():
                self.load.call()
            found = await self._verdict(now)
            if found is not None and found.ends:
                if not self.endless or found.judgement.verdict is not Verdict.PASS:
                    return self.result(found.judgement, fatal=found.fatal)
                self.passed = found.judgement
                self._begin(self.interval)
            elif found is not None:
                await self._wait(found.judgement, over=now.over)
            await self.under.change(self._pause())

    def _moment(self, scrape: Scrape, *, paused: bool) -> Moment:
        """What is known right after a scrape."""
        now, measures = time.monotonic(), self.measures
        evidence = evidence_of(self.state, measures.objectives, measures.policy, self.analysis, scrape.provider_down)
        over = now >= self.ends
        if self.endless and not over and evidence.verdict is Verdict.PASS:
            evidence = evidence.model_copy(
                update={"verdict": Verdict.CONTINUE}
            )  # it waits for a person, and not for that
        period = measures.policy.scrape_period
        return Moment(
            evidence=evidence,
            awaited=self.coming.awaited(now, period),
            blind=self.coming.blind(now, period),
            over=over,
            extended=now >= self.ends + self.interval,
            given_up=now >= self.gives_up,
            paused=paused,
            last=self.index + 1 >= len(plan(self.analysis)),
            provider_down=scrape.provider_down,
            missing=self._missing(),
            windows=scrape.windows,
        )

    def _missing(self) -> str:
        """Why the canary's requests are too few for its weight; only a share of all requests has a number to expect."""
        if self.traffic.match or self.traffic.sticky:
            return ""
        return missing(self.weight, self.measures.of_route.sides)

    async def _failed_by_route(self, now: Moment) -> Moment:
        """The moment with what the data plane says of requests that are missing; nobody is asked where none are."""
        if not now.missing:
            return now
        answered = await self.measures.answered_by_route()
        return replace(now, unserved=unserved(self.weight, self.measures.of_route.sides, answered))

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
        phase = self.scene.canary.status.phase or Phase.PROGRESSING
        await self.scene.write(entry(self.scene.canary, time.time(), phase, said))

    def _nobody_asks(self) -> bool:
        quiet = silence(self.state, self.measures.policy) if self.measures.objectives else None
        return quiet is not None and quiet[0] is Silence.NO_TRAFFIC

    async def _keep_frozen(self) -> None:
        """Freeze the target again where somebody who applied it whole has thawed it: its pods are what is judged."""
        target = self.under.target.object
        if target and self.scene.workload.writes.frozen(target):
            await self.scene.canaries.freeze(self.scene.canary)

    async def _astray(self) -> str:
        """What is no longer as the step has it, and has to be put right before it is judged; empty where nothing is."""
        weight = await self.scene.router.weight(self.scene.canary)
        if weight == self.weight:
            return ""
        return "the route is gone" if weight is None else f"somebody has given the canary {weight} % of the traffic"

    def _pause(self) -> float:
        """Seconds until the next look, or until the interval or the deadline after it ends."""
        now = time.monotonic()
        left = [end - now for end in (self.ends, self.gives_up) if end > now]
        return max(min([self.measures.pause(now - self.coming.since, SEARCH), *left]), min(SEARCH, 0.05))

    def _note(self, scrape: Scrape) -> None:
        if not scrape.provider_down:
            self.coming.note(scrape.newest, time.monotonic())
        self.kept.note(scrape, self.state, time.time())
        self.state = scrape.state

    def result(self, judgement: Judgement, *, fatal: bool = False) -> StepResult:
        """What the step came to by a verdict."""
        # Whichever judge gave the verdict, the evidence belongs to it.
        found = findings(self.state, self.measures.objectives, self.measures.policy)
        judgement = judgement.model_copy(update={"findings": found})
        return StepResult(
            step=self.index,
            weight=self.weight,
            judgement=judgement,
            fatal=fatal,
            points=tuple(self.kept.points),
            recordings=self.kept.recordings,
        )
