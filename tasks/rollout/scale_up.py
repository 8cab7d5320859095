"""Scale up: bring the canary to the primary's size and wait until it can take traffic."""

from __future__ import annotations

from sluice.rollout.decision import Decision
from sluice.rollout.result import StageResult
from sluice.rollout.workloads.copies import primary_copy
from tasks.measuring.check_measures import check_measures
from tasks.rollout.kill_switch.name_flags import naming, note_named
from tasks.scene.baseline import raise_baseline
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.scene.standing import MOVED_ON, why_not_up
from tasks.scene.tend import tend
from tasks.stage import stage


@stage("scale up", run_name="scale up {ref}")
async def scale_up(ref: RolloutRef, decision: Decision) -> StageResult:
    """Scale the canary up and freeze it, and a baseline with it.

    Returns when they are ready, when the deadline has passed, or a newer revision came.

    Frozen, because from now on users meet its pods: whatever is pushed rolls out only when the traffic is at home again,
    also where nobody is there to see the push.
    """
    scene = await Scene.of(ref)
    scene.check_current(ref)
    canary = scene.canary
    await check_measures(scene)
    # One that somebody deleted is made again from the history of what was promoted.
    primary = await scene.canaries.primary(canary) or await tend(scene)
    # What cannot be copied to the primary must not come to users at all.
    primary_copy(scene.workload, canary, await scene.canaries.target(canary), 1)
    # An autoscaler may have given the primary none (at night, say): a new revision is judged nevertheless.
    pods = max(scene.workload.reads.pods(primary), 1)
    async with naming(scene, ref) as found:
        await raise_baseline(scene, ref, primary, pods)
        reason = await why_not_up(scene, ref, pods)
    await note_named(scene, ref, found)
    # The target may be put back before the next look: then this revision is as good as it was.
    return StageResult(scaled=not reason, fault="" if reason == MOVED_ON else reason, reason=reason)
