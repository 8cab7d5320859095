"""The router of examples/router, installed: its row, and what every router promises."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.informers import informed
from blocks.kubernetes.writer import Writer
from blocks.routers import router_for
from deployments.installed import all_routers
from sluice.errors import InvalidError, NotFoundError
from sluice.rollout.strategies.base import Traffic
from tests.memory_cluster import MemoryCluster
from tests.samples import NAMESPACE, canary, deployment, merged


async def main() -> None:
    cluster, it = MemoryCluster(), canary({"provider": "configmap"})

    def proxy(when: str, verb: str, item: dict[str, Any]) -> None:
        """Serves each new version, and says so."""
        if (when, item["kind"]) == ("after", "ConfigMap"):
            served = {"weights.example.dev/served": item["data"]["backends"]}
            cluster.add(merged(item, {"metadata": {"annotations": served}}))

    cluster.hooks.append(proxy)
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        router = router_for("configmap", Writer(seen.cluster, seen, lambda: None, "run/1"), all_routers())
        assert await router.weight(it) is None
        with pytest.raises(NotFoundError):
            await router.shift(it, Traffic(10))
        assert cluster.acts == []
        await router.ensure(it, deployment())
        assert await router.weight(it) == 0
        for weight in (10, 60, 60, 100, 0, 30):
            await router.shift(it, Traffic(weight))
            assert await router.weight(it) == weight
        await router.ensure(it, deployment())
        await router.fence_out(it)
        assert await router.weight(it) == 30
        written = cluster.now("ConfigMap", "shop-weights", NAMESPACE)
        assert written["data"] == {"backends": "shop-canary=30 shop-primary=70"}
        assert written["metadata"]["annotations"]["sluice.dev/taken-over-by"] == "run/1"
        before = list(cluster.acts)
        await router.shift(it, Traffic(30))
        with pytest.raises(InvalidError, match="weights only"):
            await router.shift(it, Traffic(30, mirror=10))
        assert cluster.acts == before


if __name__ == "__main__":
    asyncio.run(main())
