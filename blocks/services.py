"""The Services of a Canary in the cluster, and what each side offers: once for all routers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.informers import Informers
from blocks.kubernetes.kinds import ENDPOINT_SLICE, SERVICE
from blocks.kubernetes.writer import Writer
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.readiness import serving_addresses
from sluice.rollout.services import service_of, services

SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Services:
    """The Services that a route points at."""

    writer: Writer

    async def ensure(self, canary: Canary, target: dict[str, Any], *, apex: bool = True) -> None:
        """Make them, or bring them to what the Canary asks for. Idempotent.

        Args:
            apex: the apex Service too; not where it is the route, and so its router's to write.
        """
        for service in services(canary, target):
            if apex or service["metadata"]["name"] != canary.service_name:
                await self.writer.apply(SERVICE, service)

    async def endpoints(self, canary: Canary, side: Side) -> frozenset[str]:
        """Addresses that a side offers: ready pods, none that is on its way out."""
        return await offered(self.writer.informers, service_of(canary, side), canary.namespace)


async def offered(informers: Informers, service: str, namespace: str) -> frozenset[str]:
    """Addresses that a Service offers: ready pods, none that is on its way out."""
    slices = await informers.list(ENDPOINT_SLICE, namespace)
    return serving_addresses([one for one in slices if one["metadata"]["labels"].get(SERVICE_LABEL) == service])
