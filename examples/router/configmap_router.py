"""A router of one's own, `spec.provider: configmap`: a proxy of one's own watches a ConfigMap that has the weights.

`<service>-weights` has `backends: "shop-canary=10 shop-primary=90"`; the proxy that serves these weights says so by writing
that text into the annotation `weights.example.dev/served`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.writer import Writer
from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.objects import MANAGED_BY, owner_of
from sluice.rollout.routes.base import due
from sluice.rollout.split import split
from sluice.rollout.strategies.base import HOME, Traffic

CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SERVED, SERVED_WITHIN = "weights.example.dev/served", 20.0


@dataclass(frozen=True)
class ConfigMapRouter:
    """Shifts by rewriting the ConfigMap, and waits for the proxy's answer."""

    writer: Writer
    apex: bool = False  # the route is not the application's Service itself

    async def ensure(self, canary: Canary, target: dict[str, Any]) -> None:
        meta = {"name": _name(canary), "namespace": canary.namespace, "labels": dict(MANAGED_BY)}
        new = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**meta, "ownerReferences": [owner_of(canary)]}}
        weight = await self.weight(canary)
        traffic = due(canary, weight)
        if weight is None:
            await self.writer.apply(CONFIG_MAP, {**new, **_wanted(canary, traffic or HOME)})
        elif traffic is not None:
            await self._write(canary, traffic)
        await self._served(canary)

    async def fence_out(self, canary: Canary) -> None:
        await self.writer.mark(CONFIG_MAP, _name(canary), canary.namespace)

    async def weight(self, canary: Canary) -> int | None:
        try:
            found = await self.writer.informers.get(CONFIG_MAP, _name(canary), canary.namespace)
        except NotFoundError:
            return None
        shares = dict(one.split("=") for one in found["data"]["backends"].split())
        return int(shares[f"{canary.service_name}-canary"])

    async def shift(self, canary: Canary, traffic: Traffic) -> None:
        if traffic != Traffic(canary=traffic.canary):
            raise InvalidError(
                f"{canary}: {traffic}: provider configmap knows weights only, take the rest out of analysis"
            )
        await self._write(canary, traffic)
        await self._served(canary)

    async def release(self, canary: Canary) -> None:
        """Nothing was taken over: the ConfigMap goes with the Canary that owns it."""

    async def _write(self, canary: Canary, traffic: Traffic) -> None:
        wanted = _wanted(canary, traffic)
        await self.writer.change(
            CONFIG_MAP, _name(canary), canary.namespace, lambda now: None if now["data"] == wanted["data"] else wanted
        )

    async def _served(self, canary: Canary) -> None:
        async with self.writer.informers.following(CONFIG_MAP, _name(canary), canary.namespace) as found:
            if not await found.until(_is_served, SERVED_WITHIN):
                raise TransientError(f"ConfigMap {_name(canary)}: no proxy set {SERVED} within {SERVED_WITHIN:g} s")


def _name(canary: Canary) -> str:
    return f"{canary.service_name}-weights"


def _wanted(canary: Canary, traffic: Traffic) -> dict[str, Any]:
    shares = sorted(split(canary, traffic).items())
    return {"data": {"backends": " ".join(f"{name}={share}" for name, share in shares)}}


def _is_served(found: dict[str, Any] | None) -> bool:
    return found is not None and found["metadata"].get("annotations", {}).get(SERVED) == found["data"]["backends"]
