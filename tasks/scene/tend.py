"""Tend: bring what a Canary brings forth (primary, Services, route) to its manifest and its journal, losing no request.

Called before traffic is moved, and whenever somebody changed or deleted one of them. Where nothing differs nothing is
written and nothing is asked.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sluice.errors import TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.flagger.side import Side
from sluice.rollout.strategies.base import HOME
from tasks.scene.autoscaler import tend_autoscaler
from tasks.scene.primary import tend_primary
from tasks.scene.rollout_ref import Scene

Object = dict[str, Any]
LOOK = 0.1
SERVES_WITHIN = 30.0
"""Seconds that a primary may take to offer its first pod, at one go: who tends it tries again."""


async def tend(scene: Scene) -> Object:
    """Bring all of it to what it is to be, and return the primary. Idempotent.

    The sides' Services first, then a primary that serves, then what leads users there: the apex Service and the route.
    At rest the traffic is put back home too; under way its weight is the run's.

    Raises:
        NotFoundError: the target is gone.
        InvalidError: an object of somebody else has one of its names; the message says which.
        TransientError: the primary does not serve yet, or an object is on its way out that has to be gone first.
    """
    canary = scene.canary
    target, before = await asyncio.gather(scene.canaries.target(canary), scene.canaries.primary(canary))
    await scene.services.ensure(canary, target, apex=False)
    primary = await tend_primary(scene, target)
    await tend_autoscaler(scene)
    weight = await scene.router.weight(canary)
    astray = weight is None or (weight > 0 and not is_under_way(scene))
    if (before is None or astray) and canary.status.phase is not Phase.PROMOTING:
        await until_primary_serves(scene, primary)
    await scene.ensure_way_in(target)
    if astray and await scene.router.weight(canary) and not is_under_way(scene):
        await scene.router.shift(canary, HOME)
    return primary


def is_under_way(scene: Scene) -> bool:
    """Whether a run has to bring the Canary to an end: then the traffic is its own."""
    phase = scene.canary.status.phase
    return phase is None or phase.in_progress


async def until_primary_serves(scene: Scene, primary: Object) -> None:
    """Return when the primary offers a pod at least: nobody is sent to one that has none.

    Raises:
        TransientError: it did not in time; the message says why in the pods' own words.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + SERVES_WITHIN
    while not await scene.services.endpoints(scene.canary, Side.PRIMARY):
        if scene.workload.writes.scaled(primary, 0) is None:
            return  # somebody has scaled it to zero: it is not ours to wake
        scene.writer.check()
        if loop.time() > end:
            why = await scene.canaries.why_not_ready(scene.canary, primary)
            raise TransientError(f"{scene.canary.primary} does not serve: {why}; the traffic stays where it is")
        await asyncio.sleep(LOOK)
