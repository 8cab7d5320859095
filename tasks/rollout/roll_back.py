"""Roll back: traffic home first, then the canary to zero. The primary is not touched."""

from __future__ import annotations

import asyncio
import time

from sluice.manifests.flagger.phase import Phase
from sluice.notices.message import Occasion
from sluice.rollout.decision import Decision, Outcome
from sluice.rollout.journal import entry
from sluice.rollout.result import StageResult
from tasks.scene.autoscaler import to_rest
from tasks.scene.baseline import retire_baseline
from tasks.scene.home import go_home
from tasks.scene.rollout_ref import DRAIN, RolloutRef, Scene
from tasks.stage import stage


@stage("roll back", run_name="roll back {ref}")
async def roll_back(ref: RolloutRef, decision: Decision) -> StageResult:
    """Write why, take the traffic home, let requests on their way finish, scale to zero, close the journal. Idempotent."""
    scene = await Scene.begun(ref)
    phase, version = scene.canary.status.phase or Phase.PROGRESSING, scene.version(ref)
    if not phase.in_progress:
        return StageResult(news=Occasion.ROLLED_BACK, home=time.time())
    if not scene.canary.status.rollback_reason:
        said = f"Rolling {version} back: {decision.reason}"
        fields = {
            "rollbackReason": decision.reason,
            "failedChecks": decision.failed_checks,
            **await scene.given_to_primary(),
        }
        await scene.write(entry(scene.canary, time.time(), phase, said, **fields))
    await go_home(scene)
    await asyncio.sleep(DRAIN)
    await to_rest(scene)
    await retire_baseline(scene)
    reason = scene.canary.status.rollback_reason
    said = f"{version} was rolled back: {reason}"
    # A run that finishes an older revision's rollback goes on with its own.
    own = scene.canary.status.last_applied_spec == ref.revision
    fields = {"canaryWeight": 0, "rollbackReason": "", **(scene.end(Outcome.ROLLED_BACK) if own else {})}
    await scene.write(entry(scene.canary, time.time(), Phase.FAILED, said, **fields))
    return StageResult(news=Occasion.ROLLED_BACK, about=version, reason=reason, home=time.time())
