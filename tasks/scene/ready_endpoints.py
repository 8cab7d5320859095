"""Wait until a Service offers the pods that it should: what the proxy learns next is then safe to route to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from blocks.kubernetes.kinds import POD
from sluice.errors import TransientError
from sluice.manifests.flagger.side import Side
from sluice.rollout.objects import pod_query
from sluice.rollout.safety.readiness import why_not_offered
from sluice.rollout.services import service_of
from sluice.rollout.written import is_another
from tasks.scene.rollout_ref import Scene

LOOK = 0.1
WITHIN = 30.0


async def until_endpoints_ready(scene: Scene, side: Side, workload: dict[str, Any], within: float = WITHIN) -> None:
    """Return when the Service of a side offers the workload's ready pods, at least as many as it wants.

    Raises:
        TransientError: it did not within `within` seconds.
    """
    why = await why_not_offering(scene, side, workload, within)
    if why:
        raise TransientError(f"{scene.canary}: the {side}'s Service is not ready after {within:g} s: {why}")


async def why_not_offering(
    scene: Scene, side: Side, workload: dict[str, Any], within: float, stop: Callable[[], bool] = lambda: False
) -> str:
    """Wait until the Service of a side offers the workload's ready pods; returns why it does not, empty where it does.

    A proxy learns of pods through the Service's endpoints, which lag behind the pods: counts are not enough, the addresses
    have to be those of the pods. How many are wanted is read each time: an autoscaler or a new node changes it.

    Args:
        stop: ends the wait, whether they are offered or not.

    Raises:
        LostError: there is nothing more to wait for, another run carries the Canary.
        TransientError: it was deleted and made again: nobody knows what its pods are.
    """
    namespace, name, query = scene.canary.namespace, workload["metadata"]["name"], pod_query(workload)
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        if over := loop.time() >= end:
            # A watch that lags, or a process that was stopped meanwhile, must not make what is there look missing.
            await scene.services.ask_for_endpoints(scene.canary, side)
        offered = await scene.services.endpoints(scene.canary, side)
        now = await scene.wired.informers.find(scene.kind, name, namespace) or workload
        if is_another(now, workload):
            raise TransientError(f"{name} was deleted and made again while its Service was waited for")
        pods = await scene.wired.cluster.list(POD, namespace, query)
        why = why_not_offered(now, pods, offered, scene.workload.reads.pods(now))
        if not why or stop() or over:
            return why
        scene.lease.check()
        await asyncio.sleep(LOOK)


async def check_offers(scene: Scene) -> None:
    """Refuse to give users to a canary whose Service has no pod of it: they may be ready, and nobody is led to them.

    Raises:
        InvalidError: the Service is somebody else's; the message says whose, and the way out.
        TransientError: it offers none, because somebody has just deleted it or turned it to other pods.
    """
    canary = scene.canary
    await scene.services.check_side(canary, Side.CANARY)
    if not await scene.services.endpoints(canary, Side.CANARY):
        name = service_of(canary, Side.CANARY)
        raise TransientError(
            f"Service {canary.namespace}/{name} offers no ready pod of {canary.target}: it gets no traffic"
        )
