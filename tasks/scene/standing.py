"""The canary's way to pods of one revision that can take traffic, at least as many as the primary has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from blocks.kubernetes.informer import Followed
from sluice.errors import NotFoundError, TransientError
from sluice.manifests.flagger.side import Side
from sluice.rollout.services import service_of
from sluice.rollout.workloads.base import has_pods
from sluice.rollout.written import is_another, shows
from tasks.scene.autoscaler import wake
from tasks.scene.baseline import why_not_standing
from tasks.scene.ready_endpoints import why_not_offering
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.scene.waiting import Wait, waiting

Object = dict[str, Any]
MOVED_ON = "a newer revision came"
"""No fault of the revision that was waited for."""
GRACE = 5.0
"""Seconds for the workload's controller to see that its pods are frozen, whatever the deadline."""


async def why_not_up(scene: Scene, ref: RolloutRef, pods: int) -> str:
    """Bring the canary to at least so many pods, frozen; returns why they will never serve, empty where they do."""
    canary = scene.canary
    async with scene.wired.informers.following(scene.kind, canary.target, canary.namespace) as target:
        standing = _Standing(scene, ref, target, pods)
        with waiting(scene.lease, canary.spec.progress_deadline_seconds) as standing.wait:
            reason = await standing.stood()
            standing.wait.over = not reason
    return reason


@dataclass(slots=True)
class _Standing:
    """The target's way to pods of one revision, as many as the primary has."""

    scene: Scene
    ref: RolloutRef
    target: Followed
    pods: int
    wait: Wait = field(default_factory=Wait)

    async def stood(self) -> str:
        """Bring it there and freeze it; returns why it will never stand, empty where it does."""
        scene, canary = self.scene, self.scene.canary
        await wake(scene)
        filled = await scene.canaries.fill(canary, canary.target, self.pods, frozen=await self.stays_frozen())
        reason = await self.reached(filled)
        if not reason and canary.ready_threshold == 100:
            reason = await self._offered()
        if not reason:
            reason = await why_not_standing(scene, self.ref, lambda: self.moved_on(self.target.object), self.wait.left)
        if reason:
            return reason
        frozen = await scene.canaries.freeze(canary)
        # The next look must not find a change that the workload's controller has still to observe.
        return await self.reached(frozen, grace=GRACE)

    async def stays_frozen(self) -> bool:
        """Whether its pods are to stay what they are: they have traffic already, or they are what is wanted."""
        canary = self.scene.canary
        if canary.status.canary_weight or await self.scene.router.weight(canary):
            return True  # pods of a revision that was pushed since must not come into it
        target = await self.scene.canaries.target(canary)
        return has_pods(self.scene.workload, target, self.pods) and self._ready(target)

    async def reached(self, written: Object, grace: float = 0.0) -> str:
        """Wait until the pods of a target that was written serve; returns why they never will, empty where they do.

        How many they are is its own affair from here on: an autoscaler may change that at any time.

        Raises:
            NotFoundError: it was deleted.
            TransientError: it was deleted and made again: it has to be written once more.
        """
        left = max(self.wait.left, grace)
        await self.scene.until(self.target, lambda one: self._decided(one, written), left)
        seen = self.target.object
        if seen is None:
            raise NotFoundError(
                f"{self.scene.workload.kind} {self.ref.namespace}/{self.scene.canary.target} was deleted"
            )
        if self.moved_on(seen):
            return MOVED_ON
        if is_another(seen, written):
            raise TransientError(
                f"{self.scene.canary.target} was deleted and made again while its pods were waited for"
            )
        if self._serves(seen, written):
            return ""
        why = await self.scene.canaries.why_not_ready(self.scene.canary, seen)
        return f"not ready after {self.wait.spent:.0f} s: {why}"

    async def _offered(self) -> str:
        """Wait until its Service offers its pods; returns why it does not, empty where it does."""
        target = self.target.object or {}
        why = await why_not_offering(
            self.scene, Side.CANARY, target, self.wait.left, lambda: self.moved_on(self.target.object)
        )
        if self.moved_on(self.target.object):
            return MOVED_ON
        name = service_of(self.scene.canary, Side.CANARY)
        return f"Service {name} does not offer it after {self.wait.spent:.0f} s: {why}" if why else ""

    def moved_on(self, one: Object | None) -> bool:
        """Whether the target is no longer at the revision that is wanted."""
        return one is None or self.scene.workload.revision(self.scene.canary, one) != self.ref.revision

    def _decided(self, one: Object | None, written: Object) -> bool:
        return self.moved_on(one) or is_another(one, written) or self._serves(one, written)

    def _serves(self, one: Object | None, written: Object) -> bool:
        return one is not None and shows(one, written) and self._ready(one)

    def _ready(self, one: Object) -> bool:
        return self.scene.workload.reads.ready(one, self.scene.canary.ready_threshold)
