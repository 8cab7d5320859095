"""Shift traffic: give the canary its share of the users at one step."""

from __future__ import annotations

import time

from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Decision
from sluice.rollout.journal import entry
from sluice.rollout.result import StageResult
from tasks.measuring.first_traffic import until_well_timed
from tasks.scene.baseline import check_standing
from tasks.scene.home import check_able
from tasks.scene.ready_endpoints import check_offers
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.scene.tend import tend
from tasks.stage import stage


@stage("shift traffic", run_name="shift traffic {ref} to {decision.traffic.canary} %")
async def shift_traffic(ref: RolloutRef, decision: Decision) -> StageResult:
    """Write the intent, then set the weight; returns when the data plane has acknowledged it. Idempotent.

    Raises:
        InvalidError: users would come to somebody else's Service.
        TransientError: they would come to a Service that offers no pod of the canary, or back to a primary without pods.
    """
    scene = await Scene.of(ref)
    scene.check_current(ref)
    status, step, weight = scene.canary.status, decision.step, decision.traffic.canary
    if weight and step == 0 and not await scene.router.weight(scene.canary):
        await until_well_timed(scene)
    if status.step != step or status.canary_weight != weight:
        fields = {"step": step, "canaryWeight": weight, "stepStarted": time.time()}
        fields |= {"iterations": 0, "failedChecks": decision.failed_checks}
        said = f"{ref.version} gets {decision.traffic}"
        await scene.write(entry(scene.canary, time.time(), Phase.PROGRESSING, said, **fields))
    if weight:
        await check_standing(scene, ref)  # by the manifest that the shift goes by
        await check_offers(scene)
    now = await scene.router.weight(scene.canary)
    if now is None:
        await tend(scene)  # somebody took the route away: it is made again, with the traffic at home
    elif now > weight:
        await check_able(scene, now)  # somebody gave the canary more, and the primary may not be there to take it
    await scene.shift(decision.traffic)
    return StageResult(unjudged=True, shifted=True)
