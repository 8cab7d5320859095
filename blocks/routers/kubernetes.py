"""The router of Kubernetes alone: switches the apex Service, and waits until it offers the other side's pods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from blocks.kubernetes.kinds import ENDPOINT_SLICE, SERVICE
from blocks.kubernetes.writer import Writer
from blocks.services import SERVICE_LABEL, offered
from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.objects import is_ours_to_write
from sluice.rollout.routes.base import check, due
from sluice.rollout.routes.kubernetes import WHOLE, KubernetesService, without_switch
from sluice.rollout.services import service_of
from sluice.rollout.strategies.base import HOME, Traffic
from sluice.rollout.workloads.base import merged

Object = dict[str, Any]
OFFERED_WITHIN = 20.0
"""Seconds that the endpoints' controller may take to follow a Service's selector."""
LOOK = 0.1


@dataclass(frozen=True, slots=True)
class KubernetesRouter:
    """Moves all users by the selector of the apex Service, fenced by its resourceVersion."""

    writer: Writer
    rules: ClassVar[KubernetesService] = KubernetesService()
    apex: bool = True

    async def ensure(self, canary: Canary, target: Object) -> None:
        check(self.rules, canary)
        name, namespace = canary.service_name, canary.namespace
        await self._check_leaves_none(canary, lambda one: self.rules.ensured(canary, target, one))
        try:
            await self.writer.change(SERVICE, name, namespace, lambda one: self.rules.ensured(canary, target, one))
        except NotFoundError:
            await self.writer.make(SERVICE, self.rules.manifest(canary, target, due(canary, None) or HOME))
        await self._offered(canary, await self.weight(canary) or 0)

    async def fence_out(self, canary: Canary) -> None:
        await self.writer.mark(SERVICE, canary.service_name, canary.namespace, lambda it: is_ours_to_write(canary, it))

    async def weight(self, canary: Canary) -> int | None:
        try:
            service = await self.writer.informers.get(SERVICE, canary.service_name, canary.namespace)
        except NotFoundError:
            return None
        return self.rules.weight(canary, service)

    async def shift(self, canary: Canary, traffic: Traffic) -> None:
        if traffic.canary not in WHOLE:
            raise InvalidError(
                f"{canary}: {traffic} cannot be given by provider kubernetes, which moves all users at once"
            )
        named = f"Service {canary.namespace}/{canary.service_name}"
        if await self.weight(canary) is None:
            raise NotFoundError(f"{named} is no route of {canary}")

        def wish(service: Object) -> Object | None:
            return self.rules.shifted(canary, service, traffic)

        await self._check_leaves_none(canary, wish)
        await self.writer.change(SERVICE, canary.service_name, canary.namespace, wish)
        await self._offered(canary, traffic.canary)
        weight = await self.weight(canary)
        if weight != traffic.canary:
            raise TransientError(
                f"{named} gives {weight} % to the canary after {traffic.canary} % was written: something else changes it (a "
                "GitOps tool, an admission webhook); have it leave this Service alone"
            )

    async def release(self, canary: Canary) -> None:
        if await self.writer.informers.find(SERVICE, canary.service_name, canary.namespace) is None:
            return
        with suppress(NotFoundError):
            await self.writer.change(
                SERVICE, canary.service_name, canary.namespace, lambda service: without_switch(canary, service)
            )

    async def _check_leaves_none(self, canary: Canary, wish: Callable[[Object], Object | None]) -> None:
        """Refuse to take users from pods that serve, such as somebody may have turned the Service to, to some that do not.

        Raises:
            TransientError: it would; they stay until the side that they are to come to has a pod.
        """
        informers, name, namespace = self.writer.informers, canary.service_name, canary.namespace
        now = await informers.find(SERVICE, name, namespace)
        patch = (now and wish(now)) or {}
        if now is None or not (patch.get("spec") or {}).get("selector"):
            return
        side = service_of(canary, Side.CANARY if self.rules.weight(canary, merged(now, patch)) else Side.PRIMARY)
        if await offered(informers, name, namespace) and not await offered(informers, side, namespace):
            raise TransientError(
                f"Service {namespace}/{name} stays at the pods that it leads to: they serve, and {side} offers none yet"
            )

    async def _offered(self, canary: Canary, weight: int) -> None:
        """Wait until the apex Service offers just the pods of the side that has the users.

        Raises:
            TransientError: it does not in time, or somebody deleted it: then it is to be made once more, and at once.
        """
        side = service_of(canary, Side.CANARY if weight else Side.PRIMARY)
        loop = asyncio.get_running_loop()
        end = loop.time() + OFFERED_WITHIN
        informers, names, namespace = self.writer.informers, (canary.service_name, side), canary.namespace
        while True:
            if over := loop.time() > end:
                for name in names:
                    await informers.relist(ENDPOINT_SLICE, namespace, f"{SERVICE_LABEL}={name}")
            users, wanted = [await offered(informers, name, namespace) for name in names]
            if users == wanted:
                return
            if await informers.find(SERVICE, canary.service_name, namespace) is None:
                raise TransientError(
                    f"Service {namespace}/{canary.service_name} was deleted while its pods were waited for"
                )
            if over:
                raise TransientError(
                    f"Service {canary.namespace}/{canary.service_name} does not offer the pods of {side} "
                    f"after {OFFERED_WITHIN:g} s"
                )
            await asyncio.sleep(LOOK)
