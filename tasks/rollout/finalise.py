"""Finalise: the promoted revision serves from the primary; the canary rests until the next one."""

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


@stage("finalise", run_name="finalise {ref}")
async def finalise(ref: RolloutRef, decision: Decision) -> StageResult:
    """Scale the canary to zero once nothing is on its way to it any more, and close the journal. Idempotent."""
    home, reason = time.time(), decision.reason or "not analysed"
    scene = await Scene.begun(ref)
    scene.check_current(ref)
    await go_home(scene)
    await asyncio.sleep(DRAIN)
    await to_rest(scene)
    await retire_baseline(scene)
    said = f"{ref.version} is promoted: {reason}"
    fields = {"canaryWeight": 0, "failedChecks": 0, **scene.end(Outcome.PROMOTED)}
    await scene.write(entry(scene.canary, time.time(), Phase.SUCCEEDED, said, **fields))
    return StageResult(news=Occasion.PROMOTED, reason=reason, home=home)
