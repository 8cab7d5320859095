"""Promote: bring the primary to the judged revision while the judged canary carries the traffic.

Nothing that serves users is taken down before the route no longer points at it: first all traffic goes to the canary, which
has the primary's size; then the primary is replaced natively; then traffic comes home.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from blocks.kubernetes.kinds import DEPLOYMENT
from sluice.errors import StaleError, TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Decision
from sluice.rollout.journal import entry
from sluice.rollout.objects import primary_deployment
from sluice.rollout.readiness import rolled_over
from sluice.rollout.result import StageResult
from sluice.rollout.revision import revision_of
from tasks.scene.ready_endpoints import until_endpoints_ready
from tasks.scene.rollout_ref import DRAIN, RolloutRef, Scene
from tasks.stage import stage


@stage("promote", run_name="promote {ref}")
async def promote(ref: RolloutRef, decision: Decision) -> StageResult:
    """Take the Canary to Finalising with all traffic on a primary that runs this revision. Idempotent.

    Raises:
        StaleError: the target moved on; what was judged is no longer there to be copied.
        TransientError: the primary did not become ready in time.
    """
    scene = await Scene.of(ref)
    scene.check_current(ref)
    canary = scene.canary
    if canary.status.phase is Phase.FINALISING:
        return StageResult()  # the last write was done, and only its answer was lost
    target, primary = await asyncio.gather(scene.canaries.target(canary), scene.canaries.primary(canary))
    _check_judged(ref, target)
    # All traffic is about to be on these pods: a revision that is pushed from now on must not replace them.
    target = await scene.canaries.hold(canary)
    _check_judged(ref, target)
    replicas = int((primary or target)["spec"].get("replicas", 1))
    await scene.write(entry(canary, time.time(), Phase.PROMOTING, f"Promoting {ref.version}", canaryWeight=100))
    await scene.router.shift(canary, 100)
    if _takes_down_early(target):
        await asyncio.sleep(DRAIN)
    wanted = primary_deployment(canary, target, replicas)
    async with scene.wired.seen.following(DEPLOYMENT, canary.primary, canary.namespace) as seen:
        applied = await scene.writer.apply(DEPLOYMENT, wanted)
        generation = applied["metadata"]["generation"]
        done = await scene.until(
            seen,
            lambda one: bool(one and one["metadata"]["generation"] >= generation and rolled_over(one)),
            canary.spec.progress_deadline_seconds,
        )
    if not done:
        why = await scene.canaries.why_not_ready(canary, applied)
        raise TransientError(f"{canary.primary} did not come up with {ref.version}: {why}")
    await until_endpoints_ready(scene, "primary", applied)
    await scene.router.shift(canary, 0)
    said = f"{ref.version} is promoted; scaling the canary down"
    fields = {"lastPromotedSpec": ref.revision, "canaryWeight": 0}
    await scene.write(entry(scene.canary, time.time(), Phase.FINALISING, said, **fields))
    return StageResult()


def _check_judged(ref: RolloutRef, target: dict[str, Any]) -> None:
    if revision_of(target) != ref.revision:
        raise StaleError(f"Deployment {target['metadata']['name']} changed since {ref.version} was judged")


def _takes_down_early(deployment: dict[str, Any]) -> bool:
    """Whether the update may end old pods before new ones serve: then requests on their way need time to finish."""
    strategy = deployment["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return True
    unavailable = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", "25%")
    replicas = int(deployment["spec"].get("replicas", 1))
    if isinstance(unavailable, str):
        return int(unavailable.rstrip("%")) * replicas // 100 > 0
    return int(unavailable) > 0
