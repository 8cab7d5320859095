"""The Gateway API's router: shifts by the weights of an HTTPRoute's backends, and waits for its controller."""

from __future__ import annotations

from asyncio import sleep
from dataclasses import dataclass
from typing import Any, ClassVar

from blocks.kubernetes.kinds import HTTP_ROUTE
from blocks.kubernetes.writer import Writer
from blocks.routers.base import APPLIED_WITHIN
from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.objects import is_ours_to_write
from sluice.rollout.routes.base import due
from sluice.rollout.routes.gateway_api import GatewayApi, next_step, without_halves
from sluice.rollout.routes.gateway_api_acknowledged import accepted, refusal, silent, unheard, unresolved
from sluice.rollout.strategies.base import HOME, Traffic

Object = dict[str, Any]
ACKNOWLEDGED_WITHIN = 20.0
"""Seconds that a controller may take to accept a new generation of a route."""
UNDATED = 4.0
"""Seconds after a write until a controller that names no generation in what it says is taken to have looked."""
STEPS = 6
"""More writes than a route needs on its way to another one."""


@dataclass(frozen=True, slots=True)
class GatewayApiRouter:
    """Shifts by rewriting the weights of the route's backends, fenced by its resourceVersion."""

    writer: Writer
    rules: ClassVar[GatewayApi] = GatewayApi()
    apex: bool = False

    async def ensure(self, canary: Canary, target: Object) -> None:
        for _ in range(STEPS):
            if await self._step(canary, target):
                return
            await sleep(APPLIED_WITHIN)
        raise TransientError(
            f"{_named(canary)} is not what was written, time after time: something else changes it (a GitOps tool, an "
            "admission webhook); have it leave this route alone"
        )

    async def _step(self, canary: Canary, target: Object) -> bool:
        """Write what can be written without losing a request; whether that was all."""
        done, wrote = [True], [True]

        def wish(route: Object) -> Object | None:
            patch = self.rules.ensured(canary, target, route)
            step = patch and next_step(route, patch)
            done[0], wrote[0] = step == patch, step is not None
            return step

        try:
            await self.writer.change(HTTP_ROUTE, canary.service_name, canary.namespace, wish)
        except NotFoundError:
            made = self.rules.manifest(canary, target, due(canary, None) or HOME)
            await self.writer.make(HTTP_ROUTE, made)
        await self._acknowledged(canary, wrote=wrote[0])
        return done[0]

    async def fence_out(self, canary: Canary) -> None:
        await self.writer.mark(
            HTTP_ROUTE, canary.service_name, canary.namespace, lambda it: is_ours_to_write(canary, it)
        )

    async def weight(self, canary: Canary) -> int | None:
        try:
            route = await self.writer.informers.get(HTTP_ROUTE, canary.service_name, canary.namespace)
        except NotFoundError:
            return None
        return self.rules.weight(canary, route)

    async def shift(self, canary: Canary, traffic: Traffic) -> None:
        named = _named(canary)
        if await self.weight(canary) is None:
            sides = f"{canary.service_name}-primary and {canary.service_name}-canary"
            raise NotFoundError(f"{named} is no route of {canary}: none of its rules has both {sides}")
        await self.writer.change(
            HTTP_ROUTE, canary.service_name, canary.namespace, lambda route: self.rules.shifted(canary, route, traffic)
        )
        # Traffic goes home also where the canary's own Service cannot be found any more.
        route = await self._acknowledged(canary, resolved=traffic != HOME)
        weight = self.rules.weight(canary, route)
        if weight != traffic.canary:
            raise TransientError(
                f"{named} gives {weight} % to the canary after {traffic.canary} % was written: something else changes it "
                "(a GitOps tool, an admission webhook); have it leave this route alone"
            )

    async def release(self, canary: Canary) -> None:
        # Asked of the informer alone: of other providers' Canaries there usually is none, and nobody has to be asked.
        if await self.writer.informers.find(HTTP_ROUTE, canary.service_name, canary.namespace) is None:
            return
        for _ in range(STEPS):
            try:
                if await self._undone(canary):
                    return
            except NotFoundError:
                return
            await sleep(APPLIED_WITHIN)

    async def _undone(self, canary: Canary) -> bool:
        """Write what of putting the route back loses no request now; whether that was all of it."""
        done = [True]

        def wish(route: Object) -> Object | None:
            patch = without_halves(canary, route)
            step = patch and next_step(route, patch)
            done[0] = step == patch
            # What it was is remembered until it is that again.
            return step if done[0] or step is None else {"spec": step["spec"]}

        await self.writer.change(HTTP_ROUTE, canary.service_name, canary.namespace, wish)
        return done[0]

    async def _acknowledged(self, canary: Canary, *, resolved: bool = True, wrote: bool = True) -> Object:
        """Wait until every parent says Accepted for the route's present generation; the route as it is then.

        Args:
            wrote: whether a controller that names no generation has to be given the time to look.
        """
        informers, name, namespace = self.writer.informers, canary.service_name, canary.namespace
        named = _named(canary)

        def has_taken(one: Object | None) -> bool:
            # One that was deleted is not waited for: it is to be made once more, and at once.
            return one is None or accepted(one, resolved=resolved) or accepted(one, resolved=resolved, undated=True)

        async with informers.following(HTTP_ROUTE, name, namespace) as followed:
            if not (done := await followed.until(has_taken, ACKNOWLEDGED_WITHIN)):
                await followed.ask()
                done = has_taken(followed.object)
            route = followed.object
        if route is None:
            raise NotFoundError(f"{named} is gone")
        if done and not accepted(route, resolved=resolved) and wrote:
            await sleep(UNDATED)
            route = await informers.fresh(HTTP_ROUTE, name, namespace)
            done = accepted(route, resolved=resolved, undated=True)
        if done:
            return route
        refused, lost = refusal(route), unresolved(route)
        if refused:
            raise InvalidError(f"{named} is refused by the Gateway's controller: {refused}")
        if lost:
            raise TransientError(
                f"{named} is accepted, but the Gateway's controller cannot find its backends: {lost}; no more "
                "traffic is moved to them"
            )
        if unheard(route):
            raise TransientError(
                f"{named}: no controller has reported on it for {unheard(route)} within {ACKNOWLEDGED_WITHIN:g} s "
                "(status.parents has no entry): does spec.service.gatewayRefs name a Gateway that is there and takes routes "
                "of this namespace, and is its controller running? One that never reports on routes cannot be waited for"
            )
        raise TransientError(
            f"{named}: no controller accepted its generation within {ACKNOWLEDGED_WITHIN:g} s"
            + (f"; nothing was heard for {silent(route)}: is it running?" if silent(route) else "")
        )


def _named(canary: Canary) -> str:
    return f"HTTPRoute {canary.namespace}/{canary.service_name}"
