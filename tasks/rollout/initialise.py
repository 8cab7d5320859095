"""Initialise: make the primary, the Services and the route, and only then let the primary serve alone."""

from __future__ import annotations

import asyncio
import time

from sluice.errors import TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.flagger.side import Side
from sluice.rollout.decision import Decision, Outcome
from sluice.rollout.journal import entry
from sluice.rollout.result import StageResult
from sluice.rollout.workloads.copies import primary_copy
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
    canary, workload = scene.canary, scene.workload
    said = f"the primary runs {ref.version}"
    if canary.status.phase not in {None, Phase.INITIALIZING}:
        return StageResult(reason=said)  # the last write was done, and only its answer was lost
    target = await scene.canaries.target(canary)
    await scene.write(entry(canary, time.time(), Phase.INITIALIZING, "Making the primary"))
    primary = await scene.canaries.primary(canary)
    if primary is None:
        made = primary_copy(workload, canary, target, workload.reads.pods(target) or 1)
        primary = await scene.writer.apply(scene.kind, made)
    async with scene.wired.informers.following(scene.kind, canary.primary, canary.namespace) as followed:
        ready = await scene.until(
            followed, lambda one: bool(one and workload.reads.ready(one)), canary.spec.progress_deadline_seconds
        )
    if not ready:
        why = await scene.canaries.why_not_ready(canary, primary)
        raise TransientError(f"{canary.primary} did not become ready: {why}")
    await scene.ensure_services(target)
    await scene.router.ensure(canary, target)
    await until_endpoints_ready(scene, Side.PRIMARY, primary)
    if workload.writes.scaled(target, 0):
        await asyncio.sleep(DRAIN)
        await scene.canaries.scale(canary, canary.target, 0)
    revision = workload.revision(canary, target)
    done = {"lastAppliedSpec": revision, "lastPromotedSpec": revision, "canaryWeight": 0, "failedChecks": 0}
    done |= scene.end(Outcome.INITIALISED)
    await scene.write(entry(scene.canary, time.time(), Phase.INITIALIZED, "The primary serves", **done))
    return StageResult(reason=said)
