"""Analyse: judge the canary through one step, at every scrape, until there is a verdict on the step.

One task for a whole step: hundreds of rollouts at once must not mean a task a sample.
"""

from __future__ import annotations

import time

from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Decision
from sluice.rollout.journal import entry
from sluice.rollout.result import StageResult
from tasks.measuring.measure import Measures
from tasks.measuring.step import Step
from tasks.measuring.unchanged import unchanged
from tasks.scene.home import say
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage


@stage("analyse", run_name="analyse {ref} at {decision.traffic.canary} %")
async def analyse(ref: RolloutRef, decision: Decision) -> StageResult:
    """Judge through one step.

    With `decision.another_interval` the step is waited for once more, instead of going on with one that was interrupted.
    """
    scene = await Scene.of(ref)
    scene.check_current(ref)
    await _note_interval(scene, ref, decision)
    async with unchanged(scene, ref) as under:
        await _say_whether_held(scene, ref, decision, under.heard.held)
        judging = Step(scene, ref, Measures.of(scene), under, decision)
        try:
            result = await judging.judge()
        finally:
            await judging.load.end()
    await scene.write({"status": {"evidence": judging.state.model_dump(mode="json")}})
    # One that was cut short says nothing of the step: it goes on where it was once what cut it short is put right.
    return StageResult(step=result, unjudged=result.judgement.verdict is Verdict.CONTINUE)


async def _say_whether_held(scene: Scene, ref: RolloutRef, decision: Decision, held: str) -> None:
    """Write into the Canary's condition what holds the step where it is, and that it goes on once nothing does."""
    known = scene.canary.status.condition("Promoted")
    stays, where = f"{ref.version} stays at", f"{decision.traffic.canary} %"
    if held:
        await say(scene, f"{stays} {where}: {held}")
    elif known is not None and known.message.startswith(stays):
        await say(scene, f"{ref.version} goes on at {where}")


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
    if scene.canary.spec.suspend:
        said += "; spec.suspend is set: it goes no further"
    await scene.write(entry(scene.canary, time.time(), Phase.PROGRESSING, said, **fields))
