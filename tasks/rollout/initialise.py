"""Initialise: make the primary, the Services and the route, and only then let the primary serve alone."""

from __future__ import annotations

import asyncio
import time

from blocks.kubernetes.kinds import DEPLOYMENT
from sluice.errors import TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Decision, Outcome
from sluice.rollout.journal import entry
from sluice.rollout.objects import primary_deployment
from sluice.rollout.readiness import deployment_ready
from sluice.rollout.result import StageResult
from sluice.rollout.revision import revision_of
from tasks.scene.ready_endpoints import until_endpoints_ready
from tasks.scene.rollout_ref import DRAIN, RolloutRef, Scene
from tasks.stage import stage


@stage("initialise", run_name="initialise {ref}")
async def initialise(ref: RolloutRef, decision: Decision) -> StageResult:
    """Bring the Canary to Initialized. Idempotent.

    Raises:
        TransientError: the primary did not become ready in time; the message says why in the pods' own words.
    """
    scene = await Scene.of(ref)
    canary, said = scene.canary, f"the primary runs {ref.version}"
    if canary.status.phase not in {None, Phase.INITIALIZING}:
        return StageResult(reason=said)  # the last write was done, and only its answer was lost
    target = await scene.canaries.target(canary)
    await scene.write(entry(canary, time.time(), Phase.INITIALIZING, "Making the primary"))
    primary = await scene.canaries.primary(canary)
    if primary is None:
        replicas = target["spec"].get("replicas") or 1
        primary = await scene.writer.apply(DEPLOYMENT, primary_deployment(canary, target, replicas))
    async with scene.wired.seen.following(DEPLOYMENT, canary.primary, canary.namespace) as seen:
        ready = await scene.until(
            seen, lambda one: bool(one and deployment_ready(one)), canary.spec.progress_deadline_seconds
        )
    if not ready:
        why = await scene.canaries.why_not_ready(canary, primary)
        raise TransientError(f"{canary.primary} did not become ready: {why}")
    await scene.services.ensure(canary, target)
    await scene.router.ensure(canary, target)
    await until_endpoints_ready(scene, "primary", primary)
    if target["spec"].get("replicas", 1):
        await asyncio.sleep(DRAIN)
        await scene.canaries.scale(canary, canary.target, 0)
    revision = revision_of(target)
    done = {"lastAppliedSpec": revision, "lastPromotedSpec": revision, "canaryWeight": 0, "failedChecks": 0}
    done |= scene.end(Outcome.INITIALISED)
    await scene.write(entry(scene.canary, time.time(), Phase.INITIALIZED, "The primary serves", **done))
    return StageResult(reason=said)
