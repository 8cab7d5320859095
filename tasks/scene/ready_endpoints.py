"""Wait until a Service offers just the pods that it should: what the proxy learns next is then safe to route to."""

from __future__ import annotations

import asyncio
from typing import Any

from blocks.kubernetes.kinds import POD
from sluice.errors import TransientError
from sluice.manifests.flagger.side import Side
from sluice.rollout.objects import pod_query
from sluice.rollout.readiness import ready_addresses
from tasks.scene.rollout_ref import Scene

LOOK = 0.1
WITHIN = 30.0


async def until_endpoints_ready(scene: Scene, side: Side, workload: dict[str, Any], within: float = WITHIN) -> None:
    """Return when the Service of a side offers exactly the workload's ready pods, as many as it wants.

    A proxy learns of pods through the Service's endpoints, which lag behind the pods: equal counts are not enough, the
    addresses have to be the same. How many are wanted is looked at each time: an autoscaler or a new node changes it.

    Raises:
        TransientError: it did not within `within` seconds.
    """
    namespace, name, query = scene.canary.namespace, workload["metadata"]["name"], pod_query(workload)
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        offered = await scene.services.endpoints(scene.canary, side)
        wanted = scene.workload.reads.pods(await scene.wired.informers.find(scene.kind, name, namespace) or workload)
        if len(offered) >= wanted:
            pods = await scene.wired.cluster.list(POD, namespace, query)
            if offered == ready_addresses(pods):
                return
        if loop.time() > end:
            raise TransientError(f"{scene.canary}: the {side} does not offer {wanted} ready pods after {within:g} s")
        await asyncio.sleep(LOOK)
