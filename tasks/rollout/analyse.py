"""Analyse: judge the canary through one step, at every scrape, until there is a verdict on the step.

One task for a whole step: hundreds of rollouts at once must not mean a task a sample.
"""

from __future__ import annotations

import time

from blocks.kubernetes.kinds import DEPLOYMENT
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.journal import entry
from tasks.measuring.measure import Measures
from tasks.measuring.step import Step, StepResult
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage


@stage("analyse", run_name="analyse {ref} at {weight} %")
async def analyse(ref: RolloutRef, step: int, weight: int, again: bool = False, failed_checks: int = 0) -> StepResult:
    """Judge through one step.

    Args:
        ref: the rollout.
        step: index of the step.
        weight: the canary's share of the traffic, percent, for the chart.
        again: hold the step for another interval instead of going on with one that was interrupted.
        failed_checks: the journal's count from now on.
    """
    scene = await Scene.of(ref)
    scene.check_current(ref)
    status = scene.canary.status
    if again or failed_checks != status.failed_checks:
        started = {"stepStarted": time.time()} if again else {}
        said = f"{ref.version} is judged at {weight} %, {failed_checks} failed checks"
        await scene.write(
            entry(scene.canary, time.time(), Phase.PROGRESSING, said, failedChecks=failed_checks, **started)
        )
    async with scene.wired.seen.following(DEPLOYMENT, scene.canary.target, ref.namespace) as target:
        judging = Step(scene, ref, Measures.of(scene), target, step, weight)
        try:
            result = await judging.judge()
        finally:
            await judging.load.end()
    await scene.write({"status": {"evidence": judging.state.model_dump(mode="json")}})
    return result
