"""Gates: ask the user's services whether the release may go on (e2e tests, approvals, change calendars).

A gate may be closed for a weekend. The first closed answer is the run's to say; after that one task waits until the gate is
open or there is something else to decide, and asks at the pace of `sluice.gates.patience`. Users who have met the revision
by then go on being protected: it is judged all the while.
"""

from __future__ import annotations

import time
from asyncio import FIRST_COMPLETED, create_task, gather, wait

from sluice.gates.patience import questions
from sluice.gates.points import Closed, Point
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.phase import Phase
from sluice.notices.message import Occasion
from sluice.rollout.decision import Decision
from sluice.rollout.journal import entry
from sluice.rollout.result import StageResult
from tasks.measuring.measure import Measures
from tasks.measuring.step import Step
from tasks.measuring.unchanged import Unchanged, unchanged
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage

GATE_PAUSE = 5.0
"""Seconds between two questions to a closed gate at first; later it is the analysis interval."""


@stage("gate", run_name="{decision.point.type} gate {ref}")
async def ask_gate(ref: RolloutRef, decision: Decision) -> StageResult:
    """Ask every gate of the decision's point; it is open when all of them are."""
    point, asked_before = decision.point, decision.another_interval
    assert point is not None  # noqa: S101 - the decision to ask names what to ask
    scene = await Scene.of(ref)
    scene.check_current(ref)
    if asked_before:
        return await _asked_again(scene, ref, decision, point)
    said = await _closed(scene, point)
    await _write(scene, decision, point, said)
    if not said:
        return StageResult(opened=point.type)
    closed = Closed(point, said)
    return StageResult(closed=closed, unjudged=point.stale, news=Occasion.GATE_WAITS, reason=str(closed))


async def _asked_again(scene: Scene, ref: RolloutRef, decision: Decision, point: Point) -> StageResult:
    """Wait for a closed gate. Where there is something else to decide, nothing has changed: the gate is as it was."""
    if point.stale:
        return await _judged_meanwhile(scene, ref, decision, point)
    async with unchanged(scene, ref) as under:
        if not point.counts:
            opened = await _opens(scene, under, point)
            if opened:
                await _write(scene, decision, point, "")
            return StageResult(opened=point.type if opened else "")
        # Each closed answer is a failed check, and Flagger makes one an interval.
        if not await under.stands(_interval(scene)):
            return StageResult()
        said = await _closed(scene, point)
    await _write(scene, decision, point, said)
    if not said:
        return StageResult(opened=point.type)
    closed = Closed(point, said)
    return StageResult(closed=closed, unjudged=point.stale, reason=str(closed))


async def _judged_meanwhile(scene: Scene, ref: RolloutRef, decision: Decision, point: Point) -> StageResult:
    """Wait for a closed gate while users meet the revision: what the judge has against it ends the waiting too."""
    async with unchanged(scene, ref) as under, unchanged(scene, ref) as judged_under:
        judging = Step(scene, ref, Measures.of(scene), judged_under, decision, endless=True)
        verdict, gate = create_task(judging.judge()), create_task(_opens(scene, under, point))
        try:
            await wait({verdict, gate}, return_when=FIRST_COMPLETED)
        finally:
            for one in (verdict, gate):
                one.cancel()
            await gather(verdict, gate, judging.load.end(), return_exceptions=True)
        edited = under.edited
    ended = None if verdict.cancelled() else verdict.result()
    opened = not gate.cancelled() and gate.result()
    await scene.write({"status": {"evidence": judging.state.model_dump(mode="json")}})
    if ended:
        return StageResult(step=ended, unjudged=ended.judgement.verdict is Verdict.CONTINUE)
    if not opened:
        return StageResult(unjudged=edited)
    await _write(scene, decision, point, "")
    step = judging.result(judging.passed) if judging.passed else None
    # An interval that is over and waits, for data or a provider, has not shown what the one before it did.
    return StageResult(opened=point.type, step=step, unjudged=judging.waits_for is not None)


async def _opens(scene: Scene, under: Unchanged, point: Point) -> bool:
    """Ask until the gates are open; False where there is something else to decide."""
    for pause in questions(GATE_PAUSE, _interval(scene)):
        if not await under.stands(pause):
            break
        if not await _closed(scene, point):
            return True
    return False


def _interval(scene: Scene) -> float:
    analysis = scene.canary.spec.analysis
    return analysis.interval if analysis else 0.0


async def _write(scene: Scene, decision: Decision, point: Point, said: str) -> None:
    """Write what the gates said, empty where all are open, into the Canary's status where it changes something there."""
    before = scene.canary.status
    phase = before.phase or Phase.PROGRESSING
    if point.phase:
        phase = point.phase if said else Phase.PROGRESSING
    if phase is not before.phase or decision.failed_checks != before.failed_checks:
        message = f"Gate {point.type}: {said or 'open'}"
        await scene.write(entry(scene.canary, time.time(), phase, message, failedChecks=decision.failed_checks))


async def _closed(scene: Scene, point: Point) -> str:
    """What the gates that did not open said; empty where all are open."""
    analysis = scene.canary.spec.analysis
    closed: list[str] = []
    for webhook in analysis.webhooks if analysis else ():
        if webhook.type == point.type:
            answer = await scene.wired.gates.ask(webhook, scene.canary)
            if not answer.open:
                closed.append(f"{answer.gate}: {answer.said}")
    return "; ".join(closed)
