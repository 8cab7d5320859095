"""Fence out: make sure that the previous holder of the lease cannot act on this Canary any more, even if it only sleeps."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from sluice.errors import InvalidError
from tasks.scene.autoscaler import fence_out_autoscaler
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.scene.tend import is_under_way
from tasks.stage import stage


@stage("fence out", run_name="fence out {ref}")
async def fence_out(ref: RolloutRef) -> None:
    """Mark the Canary, its workloads and its route with this run's lease, changing nothing else. Idempotent.

    A process that was stopped in the middle of a write holds the version that it read; after the mark the API server refuses
    it.
    """
    scene = await Scene.begun(ref)
    weight = await scene.router.weight(scene.canary)
    marks = [scene.canaries.fence_out(scene.canary), fence_out_autoscaler(scene)]
    if weight is not None:
        marks.append(scene.router.fence_out(scene.canary))
    # At the same time: users may be without a Service or a route until this is done.
    for done in await asyncio.gather(*marks, return_exceptions=True):
        if done is not None:
            raise done
    if weight == 0 or (
        weight and is_under_way(scene)
    ):  # at rest users are brought home once the primary serves (`tend`)
        target = await scene.canaries.target(scene.canary)
        with suppress(
            InvalidError
        ):  # somebody else's object is in the way: the stages say so, and bring the users home
            await scene.ensure_way_in(target)
