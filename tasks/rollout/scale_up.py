"""Scale up: bring the canary to the primary's size and wait until it can take traffic."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from blocks.kubernetes.informers import Followed
from sluice.errors import NotFoundError
from sluice.manifests.flagger.side import Side
from sluice.rollout.decision import Decision
from sluice.rollout.result import StageResult
from tasks.measuring.check_measures import check_measures
from tasks.scene.baseline import raise_baseline, why_not_standing
from tasks.scene.ready_endpoints import until_endpoints_ready
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage

Object = dict[str, Any]
GRACE = 5.0
"""Seconds for the workload's controller to see that its pods are frozen, whatever the deadline."""


@stage("scale up", run_name="scale up {ref}")
async def scale_up(ref: RolloutRef, decision: Decision) -> StageResult:
    """Scale the canary up and freeze it, and a baseline with it.

    Returns when they are ready, when the deadline has passed, or a newer revision came.

    Frozen, because from now on users meet its pods: whatever is pushed rolls out only when the traffic is at home again,
    also where nobody is there to see the push.
    """
    scene = await Scene.of(ref)
    scene.check_current(ref)
    canary = scene.canary
    await check_measures(scene)
    primary = await scene.canaries.primary(canary)
    if primary is None:
        raise NotFoundError(
            f"{scene.workload.kind} {canary.namespace}/{canary.primary} is gone: delete the Canary's status to redo it"
        )
    pods = scene.workload.reads.pods(primary)
    await raise_baseline(scene, ref, primary, pods)
    async with scene.wired.informers.following(scene.kind, canary.target, canary.namespace) as target:
        standing = _Standing(scene, ref, target, pods)
        await scene.canaries.scale(canary, canary.target, pods, frozen=await standing.stays_frozen())
        reason = await standing.reached()
        if reason:
            return StageResult(scaled=False, fault=reason)
        if canary.ready_threshold == 100:
            await until_endpoints_ready(scene, Side.CANARY, target.object or {})
        reason = await why_not_standing(scene, ref, lambda: standing.moved_on(target.object))
        if reason:
            return StageResult(scaled=False, fault=reason)
        frozen = await scene.canaries.freeze(canary)
        # The next look must not find a change that the workload's controller has still to observe.
        reason = await standing.reached(int(frozen["metadata"]["generation"]))
    return StageResult(scaled=not reason, fault=reason)


@dataclass(slots=True)
class _Standing:
    """The target's way to pods of one revision, as many as the primary has."""

    scene: Scene
    ref: RolloutRef
    target: Followed
    pods: int
    began: float = field(default_factory=time.monotonic)

    async def stays_frozen(self) -> bool:
        """Whether its pods are to stay what they are: they have traffic already, or they are what is wanted."""
        canary = self.scene.canary
        if canary.status.canary_weight or await self.scene.router.weight(canary):
            return True  # pods of a revision that was pushed since must not come into it
        return self._scaled(await self.scene.canaries.target(canary))

    async def reached(self, generation: int = 0) -> str:
        """Wait until the pods of at least this generation serve; returns why they never will, empty where they do."""
        limit = self.scene.canary.spec.progress_deadline_seconds
        left = max(self.began + limit - time.monotonic(), GRACE if generation else 0.0)
        await self.scene.until(self.target, lambda one: self.moved_on(one) or self._serves(one, generation), left)
        seen = self.target.object
        if seen is None:
            raise NotFoundError(
                f"{self.scene.workload.kind} {self.ref.namespace}/{self.scene.canary.target} was deleted"
            )
        if self.moved_on(seen):
            return "a newer revision came"
        if self._serves(seen, generation):
            return ""
        why = await self.scene.canaries.why_not_ready(self.scene.canary, seen)
        return f"not ready after {time.monotonic() - self.began:.0f} s: {why}"

    def moved_on(self, one: Object | None) -> bool:
        """Whether the target is no longer at the revision that is wanted."""
        return one is None or self.scene.workload.revision(self.scene.canary, one) != self.ref.revision

    def _serves(self, one: Object | None, generation: int) -> bool:
        return one is not None and int(one["metadata"]["generation"]) >= generation and self._scaled(one)

    def _scaled(self, one: Object) -> bool:
        workload = self.scene.workload
        scaled = workload.writes.scaled(one, self.pods) is None
        return scaled and workload.reads.ready(one, self.scene.canary.ready_threshold)
