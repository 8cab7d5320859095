"""The Gateway API's router: shifts by the weights of an HTTPRoute's backends, and waits for its controller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from blocks.kubernetes.kinds import HTTP_ROUTE
from blocks.kubernetes.writer import Writer
from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.routes.gateway_api import GatewayApi, accepted, refusal
from sluice.rollout.strategies.base import HOME, Traffic

Object = dict[str, Any]
ACKNOWLEDGED_WITHIN = 20.0
"""Seconds that a controller may take to accept a new generation of a route."""


@dataclass(frozen=True, slots=True)
class GatewayApiRouter:
    """Shifts by rewriting the weights of the route's backends, fenced by its resourceVersion."""

    writer: Writer
    rules: ClassVar[GatewayApi] = GatewayApi()
    apex: bool = False

    async def ensure(self, canary: Canary, target: Object) -> None:
        if await self.weight(canary) is None:
            await self.writer.apply(HTTP_ROUTE, self.rules.manifest(canary, target, HOME))
        else:
            await self.writer.mark(HTTP_ROUTE, canary.service_name, canary.namespace)
        await self._acknowledged(canary)

    async def weight(self, canary: Canary) -> int | None:
        try:
            route = await self.writer.informers.get(HTTP_ROUTE, canary.service_name, canary.namespace)
        except NotFoundError:
            return None
        return self.rules.weight(canary, route)

    async def shift(self, canary: Canary, traffic: Traffic) -> None:
        await self.writer.change(
            HTTP_ROUTE, canary.service_name, canary.namespace, lambda route: self.rules.shifted(canary, route, traffic)
        )
        await self._acknowledged(canary)

    async def _acknowledged(self, canary: Canary) -> None:
        """Wait until every parent says Accepted for the route's present generation."""
        name = canary.service_name
        async with self.writer.informers.following(HTTP_ROUTE, name, canary.namespace) as route:
            if await route.until(accepted, ACKNOWLEDGED_WITHIN):
                return
            if route.object is None:
                raise NotFoundError(f"HTTPRoute {canary.namespace}/{name} is gone")
            refused = refusal(route.object)
        if refused:
            raise InvalidError(f"HTTPRoute {canary.namespace}/{name} is refused by the Gateway's controller: {refused}")
        raise TransientError(
            f"HTTPRoute {canary.namespace}/{name}: no controller accepted its generation within {ACKNOWLEDGED_WITHIN:g} s"
        )
