"""Wait until a Service offers just the pods that it should: what the proxy learns next is then safe to route to."""

from __future__ import annotations

import asyncio

from sluice.errors import TransientError
from tasks.rollout_ref import Scene

LOOK = 0.1
WITHIN = 30.0


async def until_endpoints_ready(scene: Scene, half: str, addresses: int, within: float = WITHIN) -> None:
    """Return when `half` ("primary" or "canary") offers exactly that many ready pods and none that is leaving.

    Raises:
        TransientError: it did not within `within` seconds.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while not await scene.router.endpoints_ready(scene.canary, half, addresses):
        if loop.time() > end:
            raise TransientError(f"{scene.canary}: the {half} does not offer {addresses} ready pods after {within:g} s")
        await asyncio.sleep(LOOK)
