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
    """Scale the canary to zero once nothing is on its way to it any more, and close the journal. Idempotent.

    Without an outcome the run goes on afterwards: it has closed the journal of an older revision, whose run is gone.
    """
    home, reason = time.time(), decision.reason or "not analysed"
    scene = await Scene.begun(ref)
    if decision.outcome is not None:
        scene.check_current(ref)
    elif scene.canary.status.phase is not Phase.FINALISING:
        return StageResult()  # the last write was done, and only its answer was lost
    version = scene.version(ref)
    await go_home(scene)
    await asyncio.sleep(DRAIN)
    await to_rest(scene)
    await retire_baseline(scene)
    said = f"{version} is promoted: {reason}"
    own = scene.canary.status.last_applied_spec == ref.revision
    ended = scene.end(Outcome.PROMOTED) if own else {}
    fields = {"canaryWeight": 0, "failedChecks": 0, **ended}
    await scene.write(entry(scene.canary, time.time(), Phase.SUCCEEDED, said, **fields))
    return StageResult(news=Occasion.PROMOTED, about=version, reason=reason, home=home)
