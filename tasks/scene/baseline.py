"""The baseline of a release, as the stages need it: made next to the canary, looked after, removed. No stage of its own.

A Canary that is not compared costs nothing here: its baseline is looked for where it would be known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sluice.errors import InvalidError, StaleError
from sluice.manifests.flagger.side import Side
from sluice.rollout.objects import is_owned
from sluice.rollout.strategies.base import HOME, Traffic
from sluice.rollout.workloads.base import has_pods, merged
from sluice.rollout.workloads.copies import baseline_copy, baseline_of
from tasks.scene.ready_endpoints import why_not_offering
from tasks.scene.rollout_ref import RolloutRef, Scene

Object = dict[str, Any]


async def raise_baseline(scene: Scene, ref: RolloutRef, primary: Object, pods: int) -> None:
    """Bring the baseline to new pods of what the primary runs, as many as the canary's; returns before they are ready.

    Its Service and its place in the route come first, so that the proxy knows it before it gets traffic. Idempotent: pods of
    this release stay what they are.

    Raises:
        InvalidError: somebody else's workload has its name.
    """
    canary = scene.canary
    if not canary.compared:
        return
    target = await scene.canaries.target(canary)
    if await scene.canaries.baseline(canary) is None:
        await scene.ensure_way_in(target)
    if await scene.router.weight(canary) == 0:
        await scene.shift(HOME)

    workload = scene.workload

    def wish(now: Object | None) -> Object | None:
        if now is None:
            # Made without pods: a process that wakes up with this write after the release is over starts none.
            return baseline_copy(workload, canary, target, primary, 0, ref.revision)
        if not is_owned(canary, now):
            raise InvalidError(f"{workload.kind} {canary.baseline} is not {canary}'s: the comparison needs this name")
        at_rest = workload.writes.scaled(now, 0) is None
        if at_rest or baseline_of(now) != ref.revision:
            return baseline_copy(workload, canary, target, primary, pods, ref.revision)
        patch = None if has_pods(workload, now, pods) else workload.writes.scaled(now, pods)
        return merged(now, patch) if patch else None

    for _ in range(2):  # made, then filled
        await scene.writer.put(scene.kind, canary.baseline, canary.namespace, wish)


async def why_not_standing(scene: Scene, ref: RolloutRef, moved_on: Callable[[], bool], left: float) -> str:
    """Wait until the baseline can take traffic; returns why it never will, empty where it can or a newer revision came.

    Args:
        left: seconds to wait: what the canary has left of its deadline.
    """
    canary = scene.canary
    if not canary.compared:
        return ""
    limit = canary.spec.progress_deadline_seconds
    async with scene.wired.informers.following(scene.kind, canary.baseline, canary.namespace) as followed:
        ready = await scene.until(followed, lambda one: moved_on() or _stands(scene, ref, one), left)
        baseline = followed.object or {}
    if moved_on():
        return ""
    if not ready:
        why = await scene.canaries.why_not_ready(canary, baseline) if baseline else "it is gone"
        return f"the baseline is not ready after {limit:g} s: {why}"
    if canary.ready_threshold == 100:
        why = await why_not_offering(scene, Side.BASELINE, baseline, left, moved_on)
        if why and not moved_on():
            return f"the baseline's Service does not offer it after {limit:g} s: {why}"
    weight = canary.status.canary_weight
    if weight and await scene.router.weight(canary) == weight:
        # A comparison that is switched on in the middle of a step begins here; else this changes nothing.
        await scene.shift(Traffic(weight))
    return ""


async def is_standing(scene: Scene, ref: RolloutRef) -> bool:
    """Whether the canary may get traffic, as far as the baseline is concerned."""
    return not scene.canary.compared or _stands(scene, ref, await scene.canaries.baseline(scene.canary))


async def check_standing(scene: Scene, ref: RolloutRef) -> None:
    """Refuse to shift traffic to a baseline that is not there.

    Raises:
        StaleError: it is not: the comparison was switched on since the last look.
    """
    if not await is_standing(scene, ref):
        raise StaleError(f"{scene.canary.baseline} has no pods to compare {ref.version} with")


async def retire_baseline(scene: Scene) -> None:
    """Remove the baseline's pods; the traffic is at home by then. Idempotent."""
    if await scene.canaries.baseline(scene.canary) is not None:
        await scene.canaries.scale(scene.canary, scene.canary.baseline, 0)


def _stands(scene: Scene, ref: RolloutRef, baseline: Object | None) -> bool:
    if baseline is None or baseline_of(baseline) != ref.revision:
        return False
    return scene.workload.reads.ready(baseline, scene.canary.ready_threshold)
