"""Gates: ask the user's services whether the release may go on (e2e tests, approvals, change calendars).

A gate may be closed for a weekend. The first closed answer is the run's to say; after that one task waits until the gate is
open or there is something else to decide, and asks at the pace of `sluice.gates.patience`. Users who have met the revision
by then go on being protected: it is judged all the while.
"""

from __future__ import annotations

import time
from asyncio import FIRST_COMPLETED, create_task, gather, wait
from dataclasses import replace

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
from tasks.rollout.hooks.asked_gates import Said, asked_all
from tasks.scene.home import say
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
    said = await asked_all(scene, ref, point)
    waits = said.closed and not said.refused and not said.muted and not said.announced
    return replace(await _came_to(scene, decision, point, said), news=Occasion.GATE_WAITS if waits else None)


async def _came_to(scene: Scene, decision: Decision, point: Point, said: Said) -> StageResult:
    """Write down what the gates said, and what it means for the release."""
    await _write(scene, decision, point, said)
    if said.refused:
        return StageResult(fault=said.refused)
    if not said.closed:
        return StageResult(opened=point.type)
    closed = Closed(point, said.closed, waits=said.only_gates)
    return StageResult(closed=closed, unjudged=point.stale, reason=str(closed))


async def _asked_again(scene: Scene, ref: RolloutRef, decision: Decision, point: Point) -> StageResult:
    """Wait for a closed gate. Where there is something else to decide, nothing has changed: the gate is as it was."""
    if point.stale and scene.canary.status.begun:
        return await _judged_meanwhile(scene, ref, decision, point)
    async with unchanged(scene, ref) as under:
        # A webhook that did not open is a failed check already; where only Gates are closed, none is.
        if not decision.failed_checks > scene.canary.status.failed_checks:
            said = await _opens(scene, ref, under, point)
            return await _came_to(scene, decision, point, said) if said else StageResult()
        # Each closed answer is a failed check, and Flagger makes one an interval.
        if not await under.stands(_interval(scene)):
            return StageResult()
        said = await asked_all(scene, ref, point)
    return await _came_to(scene, decision, point, said)


async def _judged_meanwhile(scene: Scene, ref: RolloutRef, decision: Decision, point: Point) -> StageResult:
    """Wait for a closed gate while users meet the revision: what the judge has against it ends the waiting too."""
    async with unchanged(scene, ref) as under, unchanged(scene, ref) as judged_under:
        judging = Step(scene, ref, Measures.of(scene), judged_under, decision, endless=True)
        verdict, gate = create_task(judging.judge()), create_task(_opens(scene, ref, under, point))
        try:
            await wait({verdict, gate}, return_when=FIRST_COMPLETED)
        finally:
            for one in (verdict, gate):
                one.cancel()
            await gather(verdict, gate, judging.load.end(), return_exceptions=True)
        edited = under.edited
    ended = None if verdict.cancelled() else verdict.result()
    said = None if gate.cancelled() else gate.result()
    await scene.write({"status": {"evidence": judging.state.model_dump(mode="json")}})
    if ended:
        return StageResult(step=ended, unjudged=ended.judgement.verdict is Verdict.CONTINUE)
    if said is None:
        return StageResult(unjudged=edited)
    came_to = await _came_to(scene, decision, point, said)
    if said.refused:
        return came_to
    step = judging.result(judging.passed) if judging.passed else None
    # An interval that is over and waits, for data or a provider, has not shown what the one before it did.
    return replace(came_to, step=step, unjudged=judging.waits_for is not None)


async def _opens(scene: Scene, ref: RolloutRef, under: Unchanged, point: Point) -> Said | None:
    """Ask until the gates are open, or one has refused; None where there is something else to decide."""
    said: Said | None = None
    for pause in questions(GATE_PAUSE, _interval(scene)):
        if not await under.stands(pause if said is None or said.again is None else said.again, hears=True):
            break
        said = await asked_all(scene, ref, point)
        if not said.closed or said.refused or (point.counts and not said.only_gates):
            return said
        await _tell(scene, point, said)
    return None


def _interval(scene: Scene) -> float:
    analysis = scene.canary.spec.analysis
    return analysis.interval if analysis else 0.0


async def _write(scene: Scene, decision: Decision, point: Point, said: Said) -> None:
    """Write what the gates said, empty where all are open, into the Canary's status where it changes something there."""
    before = scene.canary.status
    phase = before.phase or Phase.PROGRESSING
    if point.phase:
        phase = point.phase if said.closed else Phase.PROGRESSING
    # A gate without a phase of its own is shown by its message alone, while it is closed.
    shown = bool(said.closed) and point.phase is None and not point.counts
    if shown or phase is not before.phase or decision.failed_checks != before.failed_checks:
        message = f"Gate {point.type}: {said.closed or 'open'}"
        await scene.write(entry(scene.canary, time.time(), phase, message, failedChecks=decision.failed_checks))
    else:
        await _tell(scene, point, said)


async def _tell(scene: Scene, point: Point, said: Said) -> None:
    """Write into the Canary's condition which Gates it waits for, where that changed; webhooks say something each time."""
    if said.only_gates:
        await say(scene, f"Gate {point.type}: {said.closed}")
