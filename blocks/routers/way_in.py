"""The users' way in to a Canary, its Services and its route, brought to manifest and journal in an order that loses nobody.

What is new is added to the Services before the route points at it, and what is no longer wanted is taken from them after the
route's new generation is in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from blocks.routers.base import APPLIED_WITHIN, Router
from blocks.services import Services
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.routes.base import AT_REST


async def ensure_way_in(
    services: Services,
    router: Router,
    canary: Canary,
    target: dict[str, Any],
    others: Iterable[Router] = (),
    *,
    moved: bool = False,
) -> None:
    """Services widened, route, Services narrowed. Idempotent; nothing is written where nothing differs.

    Args:
        router: the one that the Canary's provider names.
        others: the routers of other providers: where the provider was changed, what they had of this Canary's divides nobody
            any more, once it is at rest. Its users come by the apex Service then, so none is lost.
        moved: the journal says that the provider was changed. Where it does not know, the apex Service tells some of it.

    Raises:
        InvalidError: the Canary asks for what cannot be done, or an object is somebody else's; the message says the way out.
        TransientError: something did not follow in time, or is on its way out and has to be gone first.
    """
    apex, wanted = not router.apex, canary.spec.service.port
    changed = canary.status.phase in AT_REST and (moved or await services.was_otherwise(canary, apex=apex))
    port = await services.ensure(canary, target, apex=apex, met=await _met(router, canary))
    for other in others if changed else ():
        await other.release(canary)
    await router.ensure(_at(canary, port), target)
    if port != wanted:
        await asyncio.sleep(APPLIED_WITHIN)
        await services.settle(canary, target, apex=apex, met=await _met(router, canary), keep={port})
        await router.ensure(canary, target)
    if await services.surplus(canary, target, {wanted}):
        await asyncio.sleep(APPLIED_WITHIN)
    await services.settle(canary, target, apex=apex, met=await _met(router, canary))


async def release_way_in(services: Services, routers: Iterable[Router], canary: Canary) -> None:
    """Put back what was taken over, as it was. What sluice made goes with the Canary that owns it. Idempotent."""
    for router in routers:
        await router.release(canary)
    await services.release(canary)


async def _met(router: Router, canary: Canary) -> bool:
    """Whether users come by the canary's Service."""
    return bool(await router.weight(canary))


def _at(canary: Canary, port: int) -> Canary:
    """The Canary as it is while its route goes by another port."""
    if port == canary.spec.service.port:
        return canary
    service = canary.spec.service.model_copy(update={"port": port})
    return canary.model_copy(update={"spec": canary.spec.model_copy(update={"service": service})})
