"""A Canary's Services in the cluster, and which pods each side offers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import DEPLOYMENT
from blocks.kubernetes.writer import Writer
from blocks.services import SERVICE_LABEL, Services
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.objects import MANAGED_BY
from tests.blocks.routers.ground import on_the_lab
from tests.memory_cluster import MemoryCluster
from tests.samples import NAMESPACE, canary, canary_manifest, deployment

PATIENCE = 60.0


def endpoint_slice(service: str, *endpoints: tuple[str, bool, bool]) -> dict[str, Any]:
    """What Kubernetes says of a Service's pods: address, whether ready, whether on its way out."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        # A slice has the labels of its Service.
        "metadata": {
            "name": f"{service}-abc",
            "namespace": NAMESPACE,
            "labels": {**MANAGED_BY, SERVICE_LABEL: service},
        },
        "endpoints": [
            {"addresses": [address], "conditions": {"ready": ready, "terminating": gone}}
            for address, ready, gone in endpoints
        ],
    }


async def test_they_are_made_and_brought_to_what_the_canary_asks_for() -> None:
    """The apex, and one for each side; a comparison that is switched on later brings its own."""
    cluster = MemoryCluster()
    compared = {"analysis": {"stepWeights": [10, 50], "comparison": {}, "metrics": [RATE]}}
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        services = Services(Writer(seen.cluster, seen, lambda: None, "run/1"))
        await services.ensure(canary(), deployment())
        assert names(cluster) == {"shop", "shop-primary", "shop-canary"}
        await services.ensure(Canary.parse(canary_manifest(compared)), deployment())
        assert names(cluster) == {"shop", "shop-primary", "shop-canary", "shop-baseline"}


RATE = {"name": "request-success-rate", "thresholdRange": {"min": 99}}


def names(cluster: MemoryCluster) -> set[str]:
    return {name for kind, _, name in cluster.objects if kind == "Service"}


async def test_each_side_offers_its_own_ready_pods() -> None:
    """None that is on its way out, none of another side or of another application, and nothing where there are none."""
    cluster = MemoryCluster()
    cluster.add(
        endpoint_slice("shop-primary", ("10.0.0.1", True, False), ("10.0.0.2", False, False)),
        endpoint_slice("shop-canary", ("10.0.0.3", True, False), ("10.0.0.4", True, True)),
        endpoint_slice("other-canary", ("10.0.0.9", True, False)),
    )
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        services = Services(Writer(seen.cluster, seen, lambda: None, "run/1"))
        offered = {side: await services.endpoints(canary(), side) for side in Side}
    assert offered == {Side.PRIMARY: {"10.0.0.1"}, Side.CANARY: {"10.0.0.3"}, Side.BASELINE: set()}


@pytest.mark.lab
async def test_a_side_without_pods_offers_nothing(lab_env: dict[str, Any]) -> None:
    """No pods are no addresses, for both sides."""
    async with on_the_lab(lab_env, canary_manifest()) as real:
        services = Services(real.writer)
        await services.ensure(real.canary, real.target)
        for side in (Side.PRIMARY, Side.CANARY):
            assert await services.endpoints(real.canary, side) == frozenset()


@pytest.mark.lab
async def test_the_addresses_are_those_of_the_ready_pods(lab_env: dict[str, Any]) -> None:
    """A side offers its pods when they are ready, and none of them once they are gone."""
    from lab.apps.variants import push_variant

    push_variant(lab_env["registry"], "rollout-shop", "1.0.0", "good")
    target = deployment(f"{lab_env['registry']}/rollout-shop:1.0.0", replicas=2)
    async with on_the_lab(lab_env, canary_manifest()) as real:
        assert real.cluster is not None
        services = Services(real.writer)
        target["metadata"] = {"name": "shop", "namespace": real.canary.namespace, "labels": {"app": "shop"}}
        await services.ensure(real.canary, target)
        await real.cluster.create(target)
        for wanted in (2, 0):
            await real.cluster.patch(DEPLOYMENT, "shop", real.canary.namespace, {"spec": {"replicas": wanted}})
            async with asyncio.timeout(PATIENCE):
                while len(await services.endpoints(real.canary, Side.CANARY)) != wanted:
                    await asyncio.sleep(0.05)
            assert await services.endpoints(real.canary, Side.PRIMARY) == frozenset()
