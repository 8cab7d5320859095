"""Analyse: judge the canary through one step, at every scrape, until the step's word is known.

One task for a whole step: hundreds of rollouts at once must not mean a task a sample.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from blocks.kubernetes.informers import Followed
from sluice.errors import NotFoundError, TransientError
from sluice.gates.points import When, asked_at
from sluice.judge.baseline.score import Word, graded
from sluice.judge.check import Judgement, JudgeState, threshold_check, without_data
from sluice.judge.sequential import against, findings, word
from sluice.judge.silence import silence
from sluice.judge.verdict import Silence, Verdict
from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.manifests.flagger.phase import Phase
from sluice.measures.reading import Reading
from sluice.replay.checks import Checks
from sluice.replay.recording import Recorder
from sluice.rollout.decision import Decision
from sluice.rollout.journal import entry, judge_state
from sluice.rollout.result import Point, StageResult, StepResult
from sluice.rollout.strategy import plan
from tasks.measuring.measure import Measures, Scrape
from tasks.measuring.synthetic_load import SyntheticLoad
from tasks.run_signals import signals_for_current_run
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage

SCRAPE_PERIOD = 2.0
"""Seconds between scrapes until they are seen; then the next look comes right after the next scrape."""
SEARCH = 0.4
"""Seconds between looks while no scrape has been seen yet."""
AFTER_SCRAPE = 0.15


@stage("analyse", run_name="analyse {ref} at {decision.traffic.canary} %")
async def analyse(ref: RolloutRef, decision: Decision) -> StageResult:
    """Judge through one step.

    With `decision.another_interval` the step is waited for once more, instead of going on with one that was interrupted.
    """
    scene = await Scene.of(ref)
    scene.check_current(ref)
    await _note_interval(scene, ref, decision)
    async with scene.wired.seen.following(scene.kind, scene.canary.target, ref.namespace) as target:
        step_ = _Step(scene, ref, Measures.of(scene), target, decision.step, decision.traffic.canary)
        try:
            result = await step_.judge()
        finally:
            await step_.load.end()
    await scene.write({"status": {"evidence": step_.state.model_dump(mode="json")}})
    return StageResult(step=result)


async def _note_interval(scene: Scene, ref: RolloutRef, decision: Decision) -> None:
    """Write down which interval of the step is judged from now on, where that is not in the journal yet."""
    status, failed = scene.canary.status, decision.failed_checks
    if not decision.another_interval and failed == status.failed_checks:
        return
    fields: dict[str, object] = {"failedChecks": failed, "iterations": decision.iterations}
    if decision.another_interval:
        fields["stepStarted"] = time.time()
    passed = f", {decision.iterations} intervals passed" if decision.iterations else ""
    said = f"{ref.version} is judged at {decision.traffic.canary} %, {failed} failed checks{passed}"
    await scene.write(entry(scene.canary, time.time(), Phase.PROGRESSING, said, **fields))


class _Step:
    """The judging of one step."""

    def __init__(
        self, scene: Scene, ref: RolloutRef, measures: Measures, target: Followed, index: int, weight: int
    ) -> None:
        self.scene, self.ref, self.measures, self.target = scene, ref, measures, target
        self.index, self.weight = index, weight
        self.state: JudgeState = judge_state(scene.canary, ref.revision, measures.metrics.now())
        self.points: list[Point] = []
        self.held_for: Verdict | None = None
        analysis = scene.canary.spec.analysis
        assert analysis is not None  # noqa: S101 - without one there is no step
        self.analysis: CanaryAnalysis = analysis
        checks = Checks.sluices(analysis)
        self.recorder = Recorder(weight, self.state, measures.objectives, measures.policy, checks)
        self.interval = analysis.interval
        # The journal knows when the step began, by the wall clock of whoever began it; from here on a clock that nobody
        # sets is asked.
        left = scene.canary.status.step_started + self.interval - time.time()
        self.ends = time.monotonic() + min(max(left, 0.0), self.interval)
        self.gives_up = self.ends + scene.canary.spec.progress_deadline_seconds
        self.load = SyntheticLoad(scene, self.interval)

    async def judge(self) -> StepResult:
        signals = signals_for_current_run()
        while True:
            self.scene.lease.check()
            if self._moved_on():
                return self._result(Judgement(verdict=Verdict.CONTINUE, reason="a newer revision came"))
            await self._keep_frozen()
            scrape = await self.measures.scrape(self.state)
            now = time.monotonic()
            self._note(scrape)
            said, over = self._word(scrape), now >= self.ends
            if not scrape.provider_down and self._nobody_asks():
                self.load.call()
            if said.verdict is Verdict.FAIL:
                return self._result(said, fatal=True)
            if (over or said.verdict is Verdict.PASS) and not signals.paused:
                check, fatal = await self._check(scrape, said)
                if check.verdict is Verdict.PASS or ((over or fatal) and check.verdict is Verdict.FAIL):
                    return self._result(check, fatal=fatal)
                if now >= self.gives_up:
                    return self._result(check.model_copy(update={"verdict": Verdict.FAIL}), fatal=True)
                if check.verdict is Verdict.NO_DATA:
                    self.load.call()
                if over:
                    await self._tell_hold(check)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.target.change(), self._pause(scrape))

    def _word(self, scrape: Scrape) -> Judgement:
        """What the evidence says now, as far as the manifest lets it speak."""
        state, objectives, policy = self.state, self.measures.objectives, self.measures.policy
        # What a provider that is away has not told may have changed since: nothing passes by what was known before.
        if self.analysis.pace == "auto" and not scrape.provider_down:
            said = word(state, objectives, policy)
        else:
            said = against(state, objectives, policy) or Judgement(verdict=Verdict.CONTINUE, reason="")
        if said.verdict is Verdict.FAIL and not self.analysis.early_fail:
            return said.model_copy(update={"verdict": Verdict.CONTINUE})
        return said

    async def _check(self, scrape: Scrape, said: Judgement) -> Word:
        """The word on a step that may end: the provider's absence and silence hold it, neither is the canary's."""
        if scrape.provider_down:
            return Word(Judgement(verdict=Verdict.PROVIDER_DOWN, reason=scrape.provider_down))
        try:
            own: list[Reading] = await self.measures.own_readings()
        except TransientError as error:
            return Word(Judgement(verdict=Verdict.PROVIDER_DOWN, reason=str(error)))
        check = self._or_no_data(threshold_check([*scrape.windows, *own], self.analysis.min_requests))
        beside = self._compared(check)
        if beside.fatal:
            return beside
        if check.verdict is Verdict.FAIL and said.verdict is Verdict.HOLD:
            return Word(said)
        if check.verdict is not Verdict.PASS or beside.judgement.verdict is not Verdict.PASS:
            return Word(check) if check.verdict is not Verdict.PASS else beside
        closed = await self._closed_webhooks()
        if closed:
            return Word(Judgement(verdict=Verdict.FAIL, reason=closed, readings=check.readings))
        passed = said if said.verdict is Verdict.PASS else check
        reason = "; ".join(one for one in (passed.reason, beside.judgement.reason) if one)
        return Word(passed.model_copy(update={"reason": reason, "readings": check.readings}))

    def _compared(self, check: Judgement) -> Word:
        """What the comparison with the baseline says; a silent pass where there is none."""
        settings = self.analysis.comparison
        if settings is None:
            return Word(Judgement(verdict=Verdict.PASS, reason=""))
        last = self.index + 1 >= len(plan(self.analysis))
        said, fatal = graded(self.measures.score(), settings, last=last)
        return Word(self._or_no_data(said.model_copy(update={"readings": check.readings})), fatal)

    def _or_no_data(self, check: Judgement) -> Judgement:
        return without_data(check, self.analysis.on_no_data, time.monotonic() >= self.ends + self.interval)

    async def _tell_hold(self, check: Judgement) -> None:
        """Say in the Canary's status what a step is held for, once for each kind of reason."""
        if check.verdict is self.held_for:
            return
        self.held_for = check.verdict
        said = f"{self.ref.version} is held at {self.weight} %: {check.reason}"
        await self.scene.write(entry(self.scene.canary, time.time(), Phase.PROGRESSING, said))

    async def _closed_webhooks(self) -> str:
        for webhook in self.analysis.webhooks:
            if asked_at(webhook, When.STEP):
                answer = await self.scene.wired.gates.ask(webhook, self.scene.canary)
                if not answer.open:
                    return f"gate {answer.gate}: {answer.said}"
        return ""

    def _nobody_asks(self) -> bool:
        quiet = silence(self.state, self.measures.policy) if self.measures.objectives else None
        return quiet is not None and quiet[0] is Silence.NO_TRAFFIC

    async def _keep_frozen(self) -> None:
        """Freeze the target again where somebody who applied it whole has thawed it: users meet its pods."""
        if self.weight and self.target.object and self.scene.workload.writes.frozen(self.target.object):
            await self.scene.canaries.freeze(self.scene.canary)

    def _moved_on(self) -> bool:
        if self.target.object is None:
            raise NotFoundError(
                f"{self.scene.workload.kind} {self.ref.namespace}/{self.scene.canary.target} was deleted"
            )
        return self.scene.workload.reads.revision(self.target.object) != self.ref.revision

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
        # Whoever gave the word, the evidence belongs to it.
        told = findings(self.state, self.measures.objectives, self.measures.policy)
        judgement = judgement.model_copy(update={"findings": told})
        return StepResult(
            step=self.index,
            weight=self.weight,
            judgement=judgement,
            fatal=fatal,
            points=tuple(self.points),
            recordings=(self.recorder.packed(),),
        )
