"""The Services of a Canary in the cluster, and what each side offers: once for all routers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.informers import Informers
from blocks.kubernetes.kinds import ENDPOINT_SLICE, POD, SERVICE, kind_of
from blocks.kubernetes.writer import Writer
from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.needs import needs_primary
from sluice.rollout.objects import (
    MANAGED_BY,
    TARGET_PODS,
    check_claimable,
    check_made,
    is_made,
    is_taken_over,
    pod_labels,
)
from sluice.rollout.routes.backends import narrowed, passing, put_back, unturned, widened
from sluice.rollout.safety.readiness import ready_addresses, serving_addresses
from sluice.rollout.services import leads_to, service_of, services
from sluice.rollout.workloads import workload_of

Object = dict[str, Any]
SERVICE_LABEL = "kubernetes.io/service-name"
FOLLOWED_WITHIN = 10.0
"""Seconds that the endpoints' controller may take to follow a Service's ports."""
LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Services:
    """The Services that a route points at."""

    writer: Writer

    async def ensure(self, canary: Canary, target: Object, *, apex: bool = True, met: bool = False) -> int:
        """Bring them to what the Canary asks for, without taking from them what a route may point at; `settle` does that.

        Nothing is written where nothing differs. An application's own apex Service is taken over: its selector and its port.
        One that users come by and that somebody has turned to other pods stays there until its own side has some (`held`).

        Args:
            apex: the apex Service too; not where it is the route, and so its router's to write.
            met: users come by the canary's Service too.

        Returns:
            The port by which a route may point at all sides now: the manifest's, or one on the way to it.

        Raises:
            InvalidError: somebody else's Service has one of the names; the message says which, and the way out. Where there
                are users of the Canary's already, the other Services are as they are to be then.
            TransientError: one that is on its way out has to be gone first.
        """
        wanted = self._wanted(canary, target, apex=apex)
        known = [await self.writer.informers.find(SERVICE, name, canary.namespace) for name in wanted]
        sides = [one for one in known if one is not None and one["metadata"]["name"] != canary.service_name]
        port, held = passing(canary, sides), await self._held(canary, wanted, met=met)
        refused: list[InvalidError] = []
        for name, manifest in wanted.items():

            def wish(now: Object, manifest: Object = manifest, stays: bool = name in held) -> Object | None:
                _check(canary, now)
                patch = widened(canary, now, manifest, port)
                return unturned(patch) if stays else patch

            try:
                await self._brought(manifest, wish)
            except InvalidError as error:
                if needs_primary(canary):
                    raise
                refused.append(error)  # the others have users, who cannot wait until somebody has cleared the way
        if refused:
            raise refused[0]
        return port

    async def settle(
        self,
        canary: Canary,
        target: Object,
        *,
        apex: bool = True,
        met: bool = False,
        keep: Set[int] = frozenset(),
    ) -> None:
        """Take from them the ports that no route points at any more. Nothing is written where there are none.

        Args:
            apex, met: as for `ensure`.
            keep: ports that the route points at still.
        """
        wanted = self._wanted(canary, target, apex=apex)
        held = await self._held(canary, wanted, met=met)
        for name, manifest in wanted.items():

            def wish(now: Object, manifest: Object = manifest, stays: bool = name in held) -> Object | None:
                _check(canary, now)
                patch = narrowed(canary, now, manifest, keep)
                return unturned(patch) if stays else patch

            await self._brought(manifest, wish)

    async def held(self, canary: Canary, target: Object, *, apex: bool = True, met: bool = False) -> frozenset[str]:
        """The Services that users come by, and that stay where somebody has turned them: the pods there serve, and their own
        side has none that do.

        Args:
            apex, met: as for `ensure`.
        """
        return await self._held(canary, self._wanted(canary, target, apex=apex), met=met)

    async def leads_home(self, canary: Canary, target: Object) -> bool:
        """Whether the apex Service is the Canary's, and selects the primary's pods."""
        now = await self.writer.informers.find(SERVICE, canary.service_name, canary.namespace)
        if now is None or not (is_made(canary, now) or is_taken_over(now)):
            return False
        return (now["spec"].get("selector") or {}) == pod_labels(target, Side.PRIMARY)

    async def release(self, canary: Canary) -> None:
        """Put an apex Service that was taken over back to what it was; the others go with the Canary that owns them."""
        with suppress(NotFoundError):
            await self.writer.change(SERVICE, canary.service_name, canary.namespace, lambda now: put_back(canary, now))

    async def was_otherwise(self, canary: Canary, *, apex: bool) -> bool:
        """Whether another kind of router divided the users before: by the apex Service, which is the switch or is none.

        Args:
            apex: as for `ensure`: whether it is to be none.
        """
        now = await self.writer.informers.find(SERVICE, canary.service_name, canary.namespace)
        if now is None or not (is_made(canary, now) or is_taken_over(now)):
            return False
        return (TARGET_PODS in (now["metadata"].get("annotations") or {})) is apex

    async def surplus(self, canary: Canary, target: Object, keep: Set[int]) -> bool:
        """Whether a side has a port that `settle` would take away."""
        names = list(self._wanted(canary, target, apex=False))
        known = [await self.writer.informers.find(SERVICE, name, canary.namespace) for name in names]
        ports = {int(port["port"]) for one in known if one for port in one["spec"].get("ports") or []}
        return bool(ports - keep)

    async def endpoints(self, canary: Canary, side: Side) -> frozenset[str]:
        """Addresses that a side offers: ready pods, none that is on its way out.

        A Service that somebody has turned to other pods offers none of the side's.
        """
        informers, name, namespace = self.writer.informers, service_of(canary, side), canary.namespace
        workloads = {Side.PRIMARY: canary.primary, Side.BASELINE: canary.baseline, Side.CANARY: canary.target}
        service = await informers.find(SERVICE, name, namespace)
        workload = await informers.find(kind_of(workload_of(canary)), workloads[side], namespace)
        if service is not None and workload is not None and not leads_to(service, workload):
            return frozenset()
        return await offered(informers, name, namespace)

    async def check_side(self, canary: Canary, side: Side) -> None:
        """Refuse to leave users at a side whose Service is somebody else's; one that is missing is made again.

        Raises:
            InvalidError: it is; the message says whose, and the way out.
        """
        now = await self.writer.informers.find(SERVICE, service_of(canary, side), canary.namespace)
        if now is not None:
            with suppress(TransientError):  # one that is on its way out is made again once it is gone
                check_made(canary, now)

    async def users_meet(self, canary: Canary, side: Side) -> frozenset[str]:
        """Addresses that the Service of a side offers, whosever they are: also those that somebody has turned it to."""
        return await offered(self.writer.informers, service_of(canary, side), canary.namespace)

    async def ask_for_endpoints(self, canary: Canary, side: Side) -> None:
        """See what a side offers by the API server's word of now, for a time that is over."""
        label = f"{SERVICE_LABEL}={service_of(canary, side)}"
        await self.writer.informers.relist(ENDPOINT_SLICE, canary.namespace, label)

    def _wanted(self, canary: Canary, target: Object, *, apex: bool) -> dict[str, Object]:
        """The manifests by their names."""
        made = {manifest["metadata"]["name"]: manifest for manifest in services(canary, target)}
        return {name: manifest for name, manifest in made.items() if apex or name != canary.service_name}

    async def _held(self, canary: Canary, wanted: dict[str, Object], *, met: bool) -> frozenset[str]:
        informers, found = self.writer.informers, set()
        used = {canary.service_name, service_of(canary, Side.PRIMARY)}
        for name in wanted.keys() & (used | ({service_of(canary, Side.CANARY)} if met else set())):
            now = await informers.find(SERVICE, name, canary.namespace)
            if now is not None and await would_empty(informers, now, wanted[name]["spec"]["selector"]):
                found.add(name)
        return frozenset(found)

    async def _brought(self, manifest: Object, wish: Callable[[Object], Object | None]) -> None:
        meta, writes = manifest["metadata"], [False]

        def noted(now: Object) -> Object | None:
            patch = wish(now)
            writes[0] = patch is not None
            return patch

        try:
            await self.writer.change(SERVICE, meta["name"], meta["namespace"], noted)
        except NotFoundError:
            await self.writer.make(SERVICE, manifest)
            writes[0] = True
        if writes[0]:
            await self._followed(meta["name"], meta["namespace"])

    async def _followed(self, name: str, namespace: str) -> None:
        """Return when the endpoints of a Service have its ports: a data plane finds nobody behind one that they lack."""
        loop = asyncio.get_running_loop()
        end = loop.time() + FOLLOWED_WITHIN
        while True:
            service = await self.writer.informers.get(SERVICE, name, namespace)
            wanted = {one.get("name") or "" for one in service["spec"].get("ports") or []}
            slices = await slices_of(self.writer.informers, name, namespace)
            served = [one for one in slices if one.get("endpoints")]
            if slices and all(wanted <= {port.get("name") or "" for port in one.get("ports") or []} for one in served):
                return
            if loop.time() > end:
                raise TransientError(
                    f"Service {namespace}/{name}: its endpoints have not followed its ports within {FOLLOWED_WITHIN:g} s: "
                    "does spec.service.targetPort name a port of the pods?"
                )
            await asyncio.sleep(LOOK)


def _check(canary: Canary, now: Object) -> None:
    """Refuse a Service that is not the Canary's to write: only the apex one may be the application's own."""
    (check_claimable if now["metadata"]["name"] == canary.service_name else check_made)(canary, now)


async def offered(informers: Informers, service: str, namespace: str) -> frozenset[str]:
    """Addresses that a Service offers: ready pods, none that is on its way out."""
    return serving_addresses(await slices_of(informers, service, namespace))


async def would_empty(informers: Informers, service: Object, selector: dict[str, str]) -> bool:
    """Whether a Service that is turned to other pods takes its users from some that serve to none.

    Args:
        selector: of the other pods.
    """
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    if (service["spec"].get("selector") or {}) == selector or not await offered(informers, name, namespace):
        return False
    query = ",".join(f"{label}={value}" for label, value in selector.items())
    return not ready_addresses(await informers.cluster.list(POD, namespace, query))


async def slices_of(informers: Informers, service: str, namespace: str) -> list[Object]:
    """The EndpointSlices of a Service; those of one that sluice did not make lack the label that they are watched by."""
    known = await informers.find(SERVICE, service, namespace)
    if known is not None and not (known["metadata"].get("labels") or {}).items() >= MANAGED_BY.items():
        return await informers.cluster.list(ENDPOINT_SLICE, namespace, f"{SERVICE_LABEL}={service}")
    slices = await informers.list(ENDPOINT_SLICE, namespace)
    return [one for one in slices if one["metadata"]["labels"].get(SERVICE_LABEL) == service]
