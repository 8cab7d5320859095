"""Supersede: make room for a newer revision, or end where the target was put back. Traffic goes home first."""

from __future__ import annotations

import time

from sluice.manifests.flagger.phase import Phase
from sluice.notices.message import Occasion
from sluice.rollout.decision import Decision, Outcome
from sluice.rollout.journal import entry
from sluice.rollout.result import StageResult
from tasks.scene.autoscaler import to_rest
from tasks.scene.baseline import retire_baseline
from tasks.scene.home import go_home
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage


@stage("supersede", run_name="supersede {ref}")
async def supersede(ref: RolloutRef, decision: Decision) -> StageResult:
    """Take the traffic home; after a revert also scale the canary to zero and close the journal. Idempotent."""
    scene = await Scene.begun(ref)
    phase = scene.canary.status.phase or Phase.PROGRESSING
    await go_home(scene)
    promoted = await scene.given_to_primary()
    fields: dict[str, object] = {"canaryWeight": 0, "step": -1, **promoted}
    result = StageResult(news=Occasion.SUPERSEDED, about=scene.version(ref))
    if decision.outcome is Outcome.REVERTED and not promoted:
        await to_rest(scene)
        await retire_baseline(scene)
        fields |= {"lastAppliedSpec": scene.canary.status.last_promoted_spec, "failedChecks": 0}
        fields |= scene.end(decision.outcome)
        await scene.write(entry(scene.canary, time.time(), Phase.SUCCEEDED, decision.reason, **fields))
        return result
    await scene.canaries.thaw(scene.canary.spec.target_ref, scene.canary.namespace)
    await scene.write(entry(scene.canary, time.time(), phase, decision.reason, **fields))
    return result
