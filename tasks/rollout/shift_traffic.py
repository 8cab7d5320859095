"""Shift traffic: give the canary its share of the users at one step."""

from __future__ import annotations

import time

from sluice.manifests.flagger.phase import Phase
from sluice.rollout.journal import entry
from tasks.measuring.first_traffic import until_well_timed
from tasks.scene.baseline import check_standing
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage


@stage("shift traffic", run_name="shift traffic {ref} to {weight} %")
async def shift_traffic(ref: RolloutRef, step: int, weight: int, failed_checks: int = 0) -> None:
    """Write the intent, then set the weight; returns when the data plane has acknowledged it. Idempotent."""
    scene = await Scene.of(ref)
    scene.check_current(ref)
    status = scene.canary.status
    if step == 0 and not await scene.router.weight(scene.canary):
        await until_well_timed(scene)
    if status.step != step or status.canary_weight != weight:
        fields = {"step": step, "canaryWeight": weight, "stepStarted": time.time(), "failedChecks": failed_checks}
        said = f"{ref.version} gets {weight} % of the traffic"
        await scene.write(entry(scene.canary, time.time(), Phase.PROGRESSING, said, **fields))
    if weight:
        await check_standing(scene, ref)  # by the manifest that the shift goes by
    await scene.router.shift(scene.canary, weight)
