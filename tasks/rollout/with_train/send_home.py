"""Send home: the train of a service goes home, and its release stands before its first gates again.

It has not failed: nothing is kept out, and it boards again at the next departure. One that was promoted already is taken
back: the journal says first what the primary is to run, and who tends it brings it there. What gates remember of the
revision stays: no suite of tests is started twice for it.
"""

from __future__ import annotations

import asyncio
import time

from sluice.errors import NotFoundError, TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.notices.message import Occasion
from sluice.rollout.decision import Decision
from sluice.rollout.journal import entry, fresh_evidence
from sluice.rollout.result import StageResult
from sluice.rollout.workloads.base import Object
from sluice.rollout.written import is_another, shows
from tasks.scene.autoscaler import to_rest
from tasks.scene.baseline import retire_baseline
from tasks.scene.home import go_home
from tasks.scene.rollout_ref import DRAIN, RolloutRef, Scene
from tasks.scene.tend import tend
from tasks.stage import stage


@stage("send home", run_name="send home {ref}")
async def send_home(ref: RolloutRef, decision: Decision) -> StageResult:
    """Take the traffic home, have the primary run what the journal says, and leave the release before its gates. Idempotent.

    Raises:
        TransientError: the primary does not come up, or nobody has kept the template that it is to get back.
    """
    scene = await Scene.begun(ref)
    status = scene.canary.status
    if decision.back_to and status.last_promoted_spec != decision.back_to:
        await _check_kept(scene, decision.back_to)
        said = f"Taking {scene.version(ref)} back: {decision.reason}"
        fields = {"lastPromotedSpec": decision.back_to, "canaryWeight": 0, "step": -1}
        await scene.write(entry(scene.canary, time.time(), Phase.PROGRESSING, said, **fields))
    await go_home(scene)
    await asyncio.sleep(DRAIN)
    await to_rest(scene)
    await retire_baseline(scene)
    await _until_primary_runs(scene, await tend(scene))
    now = time.time()
    fields = {"canaryWeight": 0, "iterations": 0, "failedChecks": 0, "step": -1, "stepStarted": 0.0}
    fields |= {"evidence": fresh_evidence(scene.canary.status.last_applied_spec, now)}
    said = f"{scene.version(ref)} waits again: {decision.reason}"
    await scene.write(entry(scene.canary, now, Phase.WAITING, said, **fields))
    return StageResult(sent_home=True, news=Occasion.SENT_HOME, reason=decision.reason)


async def _check_kept(scene: Scene, revision: str) -> None:
    """Refuse to promise a revision that nobody has kept: then the primary stays what it is.

    Raises:
        TransientError: neither the target's history nor the primary's has it.
    """
    target, primary = await asyncio.gather(scene.canaries.target(scene.canary), scene.canaries.primary(scene.canary))
    if scene.workload.revision(scene.canary, target) == revision:
        return
    if await scene.wired.past.find(scene.wired.cluster, scene.workload, target, revision, primary) is None:
        raise TransientError(
            f"{scene.canary} cannot be rolled back: the history of {scene.canary.target} no longer has the revision "
            f"{revision} that was promoted before; raise its revisionHistoryLimit, and put it back in git"
        )


async def _until_primary_runs(scene: Scene, primary: Object) -> None:
    """Wait until the primary's pods are of what it was given."""
    canary, reads = scene.canary, scene.workload.reads
    if reads.rolled_over(primary):
        return
    async with scene.wired.informers.following(scene.kind, canary.primary, canary.namespace) as followed:
        await scene.until(
            followed,
            lambda one: is_another(one, primary) or (shows(one, primary) and reads.rolled_over(one or {})),
            canary.spec.progress_deadline_seconds,
        )
        now = followed.object
    if now is None or is_another(now, primary):
        raise NotFoundError(f"{canary.primary} was deleted while it was given back what it ran before")
    if not reads.rolled_over(now):
        raise TransientError(f"{canary.primary} did not come up: {await scene.canaries.why_not_ready(canary, primary)}")
