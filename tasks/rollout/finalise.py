"""Finalise: the promoted revision serves from the primary; the canary rests until the next one."""

from __future__ import annotations

import asyncio
import time

from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decide import Outcome
from sluice.rollout.journal import entry
from tasks.scene.baseline import retire_baseline
from tasks.scene.rollout_ref import DRAIN, RolloutRef, Scene
from tasks.stage import stage


@stage("finalise", run_name="finalise {ref}")
async def finalise(ref: RolloutRef, reason: str = "") -> None:
    """Scale the canary to zero once nothing is on its way to it any more, and close the journal. Idempotent."""
    scene = await Scene.of(ref)
    scene.check_current(ref)
    await scene.router.shift(scene.canary, 0)
    await asyncio.sleep(DRAIN)
    await scene.canaries.scale(scene.canary, scene.canary.target, 0)
    await retire_baseline(scene)
    said = f"{ref.version} is promoted" + (f": {reason}" if reason else "")
    fields = {"canaryWeight": 0, "failedChecks": 0, **scene.end(Outcome.PROMOTED)}
    await scene.write(entry(scene.canary, time.time(), Phase.SUCCEEDED, said, **fields))
