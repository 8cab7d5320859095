"""Judge one step of a FlagRollout at every scrape, by what judges a Canary, until there is a verdict on it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from blocks.connections import Connections, connections
from sluice.errors import TransientError
from sluice.flags.raising import Decision, Judged, steps_of
from sluice.gates.points import When, asked_at
from sluice.judge.coming import Coming
from sluice.judge.policy import DEFAULT
from sluice.judge.state import JudgeState
from sluice.judge.step import Ask, Moment, StepVerdict, evidence_of, step_verdict
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary import Canary, CanaryAnalysis
from sluice.manifests.own.flag_rollout import FlagRollout
from sluice.measures.counted import telemetry_of
from sluice.measures.objective import Objective
from sluice.measures.series import Selector
from tasks.flags.as_canary import as_canary
from tasks.flags.rollout_scene import FlagRef, Looked, looked, write
from tasks.measuring.gauges import Gauges
from tasks.measuring.measure import Measures
from tasks.measuring.of_route import OfRoute
from tasks.stage import stage

SEARCH, LOOK = 0.4, 10.0
"""Seconds between the first looks while no scrape has been seen, and between two looks at the flag itself."""
AWAY = 2.0
"""Seconds between two questions to a provider that is away."""
LABELLED = 300.0
"""Seconds that are looked back for series that have the label of the variant."""
SPLIT, BEFORE_AFTER = "split by {}", "before/after"


@stage("judge a flag", run_name="judge {ref} at {decision.status.share} %")
async def judge_flag(ref: FlagRef, now: Looked, decision: Decision) -> Judged:
    """Judge through one interval of the step under way."""
    wired = connections()
    rollout = now.rollout
    split = await _known_split(wired, rollout)
    if isinstance(split, Judged):
        return split
    judged = await _FlagStep(wired, ref, now, as_canary(rollout, split), _said(rollout, split)).judge()
    if judged.verdict is Verdict.PASS and rollout.status.step + 1 >= len(steps_of(rollout)):
        return judged.model_copy(update={"closed": await closed_gates(rollout, When.BEFORE_PROMOTION)})
    return judged


@stage("ask the first gates of a flag", run_name="first gates of {ref}")
async def closed_before(ref: FlagRef, now: Looked) -> str:
    """What the gates before the first share say that are closed; empty where all are open."""
    return await closed_gates(now.rollout, When.BEFORE_PODS, When.BEFORE_TRAFFIC)


async def closed_gates(rollout: FlagRollout, *moments: When) -> str:
    """The first closed gate of these moments, and why; empty where all are open."""
    canary = as_canary(rollout)
    for webhook in rollout.spec.analysis.webhooks:
        if any(asked_at(webhook, moment) for moment in moments):
            answer = await connections().gates.ask(webhook, canary)
            if not answer.open:
                return f"gate {answer.gate}: {answer.said}"
    return ""


async def _known_split(wired: Connections, rollout: FlagRollout) -> frozenset[str] | Judged:
    """The metrics that are split; a provider that is away is waited for as long as the step may wait for it."""
    status, analysis = rollout.status, rollout.spec.analysis
    until = status.step_started + analysis.interval + rollout.spec.progress_deadline_seconds
    while True:
        try:
            return await split_metrics(wired, rollout)
        except TransientError as error:
            if time.time() >= until:
                return Judged(verdict=Verdict.FAIL, reason=str(error), fatal=True)
        await asyncio.sleep(AWAY)


async def split_metrics(wired: Connections, rollout: FlagRollout) -> frozenset[str]:
    """The counted metrics whose series have the label of the variant.

    Raises:
        TransientError: the provider does not answer.
    """
    by = rollout.spec.split
    canary = as_canary(rollout, [one.name for one in rollout.spec.analysis.metrics])
    metrics = wired.metrics.counters(rollout.spec.metrics_server)
    found = set()
    for one in canary.spec.analysis.metrics if canary.spec.analysis else ():
        if one.counted is None:
            continue
        telemetry = telemetry_of(one, canary, None)
        wanted = Selector(one.counted.series, by.label, frozenset({by.on}), where=frozenset(telemetry.where.items()))
        if await metrics.samples(wanted, metrics.now() - LABELLED, metrics.now()):
            found.add(one.name)
    return frozenset(found)


def _said(rollout: FlagRollout, split: frozenset[str]) -> str:
    counted = [one.name for one in rollout.spec.analysis.metrics if one.counted]
    by = SPLIT.format(rollout.spec.split.label)
    if not split:
        return BEFORE_AFTER
    others = [name for name in counted if name not in split]
    return f"{by}; {', '.join(others)} {BEFORE_AFTER}" if others else by


@dataclass(slots=True)
class _FlagStep:
    wired: Connections
    ref: FlagRef
    now: Looked
    canary: Canary
    said: str

    async def judge(self) -> Judged:
        measures, state = self._measures(), self._state()
        ends = time.monotonic() + self._left()
        given_up = ends + self.canary.spec.progress_deadline_seconds
        looked_at = time.monotonic()
        coming = Coming(looked_at, newest=state.newest)
        while True:
            await measures.learn_pace()
            scrape = await measures.scrape(state)
            if not scrape.provider_down:
                coming.note(scrape.newest, time.monotonic())
            state = scrape.state
            analysis, clock = self._analysis, time.monotonic()
            evidence = evidence_of(state, measures.objectives, measures.policy, analysis, scrape.provider_down)
            period = measures.policy.scrape_period
            moment = Moment(
                evidence=evidence,
                awaited=coming.awaited(clock, period),
                blind=coming.blind(clock, period),
                over=clock >= ends,
                extended=clock >= ends + analysis.interval,
                given_up=clock >= given_up,
                provider_down=scrape.provider_down,
                windows=scrape.windows,
            )
            found = await self._verdict(moment, measures)
            if found is not None and found.ends:
                await self._keep(state)
                return self._result(found.judgement.verdict, found.judgement.reason, fatal=found.fatal)
            if clock - looked_at >= LOOK:
                looked_at = clock
                if not await self._stands():
                    return self._result(Verdict.CONTINUE, "the flag or the FlagRollout changed")
            left = [end - clock for end in (ends, given_up, looked_at + LOOK) if end > clock]
            await asyncio.sleep(max(min([measures.pause(clock - coming.since, SEARCH), *left]), 0.05))

    def _result(self, verdict: Verdict, reason: str, *, fatal: bool = False) -> Judged:
        return Judged(verdict=verdict, reason=reason, fatal=fatal, judged=self.said)

    async def _verdict(self, now: Moment, measures: Measures) -> StepVerdict | None:
        while True:
            found = step_verdict(self._analysis, now)
            if isinstance(found, StepVerdict):
                return found
            if found is Ask.SCRAPE:
                return None
            if found is Ask.CHECK:
                try:
                    now = replace(now, queried=tuple(await measures.own_readings()))
                except TransientError as error:
                    now = replace(now, provider_down=str(error))
            else:
                now = replace(now, closed=await closed_gates(self.now.rollout, When.STEP))

    async def _stands(self) -> bool:
        """Whether the flag and the FlagRollout are still as they were."""
        try:
            now = await looked(self.ref)
        except TransientError:
            return True  # nothing is known to have changed
        before = self.now.rollout
        if now is None or now.rollout.metadata.generation != before.metadata.generation or now.flag is None:
            return False
        return now.flag.environments[before.environment].version == before.status.version

    async def _keep(self, state: JudgeState) -> None:
        kept = {"evidence": state.model_dump(mode="json"), "judged": self.said}
        await write(self.now.rollout, self.now.rollout.status.model_copy(update=kept))

    def _state(self) -> JudgeState:
        """The judge's memory: of the whole rollout where users are divided, else of this step."""
        status = self.now.rollout.status
        since = status.step_started if self.said == BEFORE_AFTER else status.began_at
        if status.evidence and status.evidence.get("since") == since:
            return JudgeState.model_validate(status.evidence)
        return JudgeState(revision=self.now.rollout.spec.flag, since=since)

    def _measures(self) -> Measures:
        asked = self._analysis.metrics
        metrics = self.wired.metrics.counters(self.canary.spec.metrics_server)
        gauges = [Objective.of(metric) for metric in asked if metric.is_gauge]
        made = Measures(
            self.wired,
            self.canary,
            metrics,
            None,
            [Objective.of(metric) for metric in asked if metric.is_counted],
            Gauges(self.wired, self.canary, gauges),
            [metric for metric in asked if not metric.is_counted],
            OfRoute(metrics, None),
            replace(DEFAULT, interleave=self._analysis.interleave),
        )
        made.policy = made.policy.paced(made.pace.assumed)
        return made

    @property
    def _analysis(self) -> CanaryAnalysis:
        return self.canary.spec.analysis or self.now.rollout.spec.analysis

    def _left(self) -> float:
        """Seconds that the interval has left, by the journal."""
        left = self.now.rollout.status.step_started + self._analysis.interval - time.time()
        return float(min(max(left, 0.0), self._analysis.interval))
