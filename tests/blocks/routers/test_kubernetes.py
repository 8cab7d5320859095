"""The apex Service as the switch: whose Service it is, and when a switch is over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import SERVICE
from blocks.kubernetes.writer import Writer
from blocks.routers import kubernetes as block
from blocks.routers.kubernetes import KubernetesRouter
from blocks.services import Services
from sluice.errors import InvalidError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.strategies.base import HOME, PROMOTION, Traffic
from tests.memory_cluster import MemoryCluster
from tests.samples import NAMESPACE, canary_manifest, deployment, merged

BLUE_GREEN = {"provider": "kubernetes", "analysis": {"stepWeights": [], "iterations": 3}}


def service(name: str, **selector: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": selector}}


def offers(name: str, *addresses: str) -> dict[str, Any]:
    """What the endpoints' controller makes of a Service of sluice's."""
    labels = {"kubernetes.io/service-name": name, "app.kubernetes.io/managed-by": "sluice"}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-x", "namespace": NAMESPACE, "labels": labels},
        "endpoints": [{"addresses": [one], "conditions": {"ready": True}} for one in addresses],
    }


async def test_a_service_that_the_application_had_is_taken_over_with_its_users_on_the_primary() -> None:
    """It is no route before, and looking after the other Services does not touch it."""
    cluster, it = MemoryCluster(), Canary.parse(canary_manifest(BLUE_GREEN))
    cluster.add(service("shop", app="shop"))
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        writer = Writer(seen.cluster, seen, lambda: None, "run/1")
        router = KubernetesRouter(writer)
        assert await router.weight(it) is None
        await Services(writer).ensure(it, deployment(), apex=not router.apex)
        assert cluster.now("Service", "shop", NAMESPACE)["spec"]["selector"] == {"app": "shop"}
        await router.ensure(it, deployment())
        assert await router.weight(it) == 0
    assert cluster.now("Service", "shop", NAMESPACE)["spec"]["selector"]["app"] == "shop-primary"


async def test_looking_after_the_services_moves_nobody() -> None:
    """A worker that takes over in the middle of a promotion leaves the users on the canary."""
    cluster, it = MemoryCluster(), Canary.parse(canary_manifest(BLUE_GREEN))
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        writer = Writer(seen.cluster, seen, lambda: None, "run/1")
        router = KubernetesRouter(writer)
        await router.ensure(it, deployment())
        await router.shift(it, PROMOTION)
        await Services(writer).ensure(it, deployment(), apex=not router.apex)
        await router.ensure(it, deployment())
        assert await router.weight(it) == 100


async def test_a_share_of_the_users_is_refused_by_the_field() -> None:
    """A selector has no halves."""
    it = Canary.parse(canary_manifest({"provider": "kubernetes"}))
    async with informed(MemoryCluster()) as seen:  # type: ignore[arg-type]
        router = KubernetesRouter(Writer(seen.cluster, seen, lambda: None, "run/1"))
        with pytest.raises(InvalidError, match=r"spec\.provider kubernetes moves all users at once: set .*iterations"):
            await router.ensure(it, deployment())
        with pytest.raises(InvalidError, match="10 % of the traffic"):
            await router.shift(it, Traffic(10))


async def test_a_switch_is_over_when_users_are_offered_the_other_side_s_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoints' controller follows a selector some time later: pods must not be taken away before."""
    monkeypatch.setattr(block, "LOOK", 0.001)
    cluster, it = MemoryCluster(), Canary.parse(canary_manifest(BLUE_GREEN))
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        router = KubernetesRouter(Writer(seen.cluster, seen, lambda: None, "run/1"))
        cluster.add(offers("shop", "10.0.0.1"), offers("shop-primary", "10.0.0.1"), offers("shop-canary", "10.0.0.2"))
        await router.ensure(it, deployment())
        switch = asyncio.create_task(router.shift(it, PROMOTION))
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert cluster.now("Service", "shop", NAMESPACE)["spec"]["selector"]["app"] == "shop"
        assert not switch.done()
        cluster.add(offers("shop", "10.0.0.2"))
        await asyncio.wait_for(switch, 10)
        monkeypatch.setattr(block, "OFFERED_WITHIN", 0.0)
        with pytest.raises(TransientError, match="does not offer the pods of shop-primary"):
            await router.shift(it, HOME)


async def test_a_service_that_is_deleted_while_its_pods_are_waited_for_is_not_waited_for() -> None:
    """It has to be made once more at once, and not when the wait would have been over."""
    cluster, it = MemoryCluster(), Canary.parse(canary_manifest(BLUE_GREEN))
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        router = KubernetesRouter(Writer(seen.cluster, seen, lambda: None, "run/1"))
        cluster.add(offers("shop", "10.0.0.1"), offers("shop-primary", "10.0.0.1"), offers("shop-canary", "10.0.0.2"))
        await router.ensure(it, deployment())
        switch = asyncio.create_task(router.shift(it, PROMOTION))
        async with seen.following(SERVICE, "shop", NAMESPACE) as followed:
            assert await followed.until(lambda one: bool(one and one["spec"]["selector"]["app"] == "shop"), 10)
            cluster.vanish(SERVICE, "shop", NAMESPACE)
        with pytest.raises(TransientError, match="Service shop-test/shop was deleted while its pods were waited for"):
            await asyncio.wait_for(switch, block.OFFERED_WITHIN / 2)


@pytest.mark.parametrize(
    ("phase", "weight", "wanted"), [("Progressing", 100, 100), ("Progressing", 0, 0), ("Succeeded", 100, 0)]
)
async def test_a_switch_whose_mark_somebody_took_away_is_one_again(phase: str, weight: int, wanted: int) -> None:
    """By the target's label, with the users where they were; at rest at home."""
    cluster = MemoryCluster()
    it = Canary.parse(canary_manifest(BLUE_GREEN, {"phase": "Progressing"}))
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        router = KubernetesRouter(Writer(seen.cluster, seen, lambda: None, "run/1"))
        await router.ensure(it, deployment())
        await router.shift(it, Traffic(weight))
        bare = merged(cluster.now("Service", "shop", NAMESPACE), {"metadata": {"annotations": None}})
        seen.learn(SERVICE, await cluster.replace(SERVICE, bare))
        assert await router.weight(it) is None
        it = Canary.parse(canary_manifest(BLUE_GREEN, {"phase": phase}))
        await router.ensure(it, deployment())
        assert await router.weight(it) == wanted
