"""A Canary's Services in the cluster, and which pods each side offers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks import services as block
from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import DEPLOYMENT, SERVICE
from blocks.kubernetes.writer import Writer
from blocks.services import SERVICE_LABEL, Services, offered
from sluice.errors import InvalidError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.objects import MANAGED_BY
from sluice.rollout.workloads.copies import primary_copy
from sluice.rollout.workloads.deployment import DEPLOYMENT as DEPLOYMENTS
from tests.blocks.routers.ground import on_the_lab
from tests.laws.town import stranger
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


async def test_where_nothing_differs_nothing_is_written_and_what_was_deleted_is_made_again() -> None:
    """However often they are looked after."""
    cluster = MemoryCluster()
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        services = Services(Writer(seen.cluster, seen, lambda: None, "run/1"))
        await services.ensure(canary(), deployment())
        acts = list(cluster.acts)
        await services.ensure(canary(), deployment())
        await services.settle(canary(), deployment())
        assert cluster.acts == acts
        async with seen.following(SERVICE, "shop-canary", NAMESPACE) as followed:
            cluster.vanish(SERVICE, "shop-canary", NAMESPACE)
            assert await followed.until(lambda one: one is None, 10)
        await services.ensure(canary(), deployment())
        assert cluster.acts == [*acts, "apply Service shop-canary"]


@pytest.mark.parametrize("met", [True, False], ids=["users come by it", "nobody comes by it"])
async def test_a_canary_s_service_that_somebody_turned_is_not_taken_from_pods_that_serve_its_users(met: bool) -> None:
    """At rest the target has no pods, and who was sent to the canary meets the primary's: the route goes home first."""
    cluster = MemoryCluster()
    cluster.add(primary_copy(DEPLOYMENTS, canary(), deployment(), 2))
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        services = Services(Writer(seen.cluster, seen, lambda: None, "run/1"))
        await services.ensure(canary(), deployment())
        turned = {**cluster.now("Service", "shop-canary", NAMESPACE)}
        async with seen.following(SERVICE, "shop-canary", NAMESPACE) as followed:
            cluster.add({**turned, "spec": {**turned["spec"], "selector": {"app": "shop-primary"}}})
            assert await followed.until(lambda one: one["spec"]["selector"] == {"app": "shop-primary"}, 10)  # type: ignore[index]
        await services.ensure(canary(), deployment(), met=met)
        await services.settle(canary(), deployment(), met=met)
        app = cluster.now("Service", "shop-canary", NAMESPACE)["spec"]["selector"]["app"]
        assert app == ("shop-primary" if met else "shop")
        held = await services.held(canary(), deployment(), met=met)
        assert held == (frozenset({"shop-canary"}) if met else frozenset())


async def test_an_apex_service_leads_home_once_it_selects_the_primary_s_pods() -> None:
    """An application's own of that name does not, as long as nobody has taken it over."""
    cluster = MemoryCluster()
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        services = Services(Writer(seen.cluster, seen, lambda: None, "run/1"))
        assert not await services.leads_home(canary(), deployment())
        await services.ensure(canary(), deployment())
        assert await services.leads_home(canary(), deployment())


@pytest.mark.parametrize("side", ["primary", "canary", "baseline"])
async def test_a_service_of_somebody_else_s_under_a_name_of_ours_is_refused_by_name(side: str) -> None:
    """It is not overwritten, and nobody is sent to what it selects."""
    cluster, it = MemoryCluster(), Canary.parse(canary_manifest(COMPARED))
    cluster.add(
        {"kind": "Service", "metadata": {"name": f"shop-{side}", "namespace": NAMESPACE}, "spec": {"selector": {}}}
    )
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        services = Services(Writer(seen.cluster, seen, lambda: None, "run/1"))
        with pytest.raises(InvalidError, match=f"Service shop-test/shop-{side} exists and was not made by sluice"):
            await services.ensure(it, deployment())
        assert cluster.now("Service", f"shop-{side}", NAMESPACE)["spec"] == {"selector": {}}


async def test_the_pods_of_an_application_s_own_service_are_known_once_it_is_taken_over() -> None:
    """Its endpoints lack the label by which those of sluice's Services are watched."""
    cluster = MemoryCluster()
    port = {"name": "http", "port": 80, "targetPort": 9898, "nodePort": 30429}
    spec = {"type": "LoadBalancer", "selector": {"app": "shop"}, "ports": [port]}
    cluster.add({"kind": "Service", "metadata": {"name": "shop", "namespace": NAMESPACE}, "spec": spec})
    cluster.add(primary_copy(DEPLOYMENTS, canary(), deployment(), 2))
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        services = Services(Writer(seen.cluster, seen, lambda: None, "run/1"))
        await services.ensure(canary(), deployment())
        users = await offered(seen, "shop", NAMESPACE)
        assert users == await services.endpoints(canary(), Side.PRIMARY)
        assert len(users) == 2
    now = cluster.now("Service", "shop", NAMESPACE)
    assert now["spec"] == {**spec, "selector": {"app": "shop-primary"}}
    assert "ownerReferences" not in now["metadata"]


async def test_who_gives_up_on_endpoints_asks_the_api_server_first() -> None:
    """A watch may lag or hang: what it missed is known then."""
    cluster = MemoryCluster()
    cluster.add(endpoint_slice("shop-canary", ("10.0.0.1", True, False)))
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        services = Services(Writer(seen.cluster, seen, lambda: None, "run/1"))
        assert await services.endpoints(canary(), Side.CANARY) == {"10.0.0.1"}
        later = endpoint_slice("shop-canary", ("10.0.0.1", True, False), ("10.0.0.2", True, False))
        later["metadata"]["resourceVersion"] = "1000000"
        cluster.objects["EndpointSlice", NAMESPACE, "shop-canary-abc"] = later
        await services.ask_for_endpoints(canary(), Side.CANARY)
        assert await services.endpoints(canary(), Side.CANARY) == {"10.0.0.1", "10.0.0.2"}


async def test_they_are_ready_for_a_route_when_their_endpoints_have_their_ports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Behind a port that its endpoints do not have yet a data plane finds nobody."""
    monkeypatch.setattr(block, "FOLLOWED_WITHIN", 0.0)
    cluster = MemoryCluster()
    cluster.add(endpoint_slice("shop-primary", ("10.0.0.1", True, False)))
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        services = Services(Writer(seen.cluster, seen, lambda: None, "run/1"))
        with pytest.raises(
            TransientError, match=r"Service shop-test/shop-primary: its endpoints have not followed .*targetPort"
        ):
            await services.ensure(canary(), deployment())


RATE = {"name": "request-success-rate", "thresholdRange": {"min": 99}}
COMPARED = {"analysis": {"stepWeights": [10, 50], "comparison": {}, "metrics": [RATE]}}


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


async def test_a_service_that_somebody_else_makes_while_ours_is_about_to_be_is_not_written_to() -> None:
    """Between the look that finds none and the write: the next look says whose it is."""
    cluster = MemoryCluster()

    def quicker(when: str, verb: str, item: dict[str, Any]) -> None:
        if (when, item["metadata"]["name"]) == ("before", "shop-primary"):
            cluster.hooks.clear()
            cluster.add(stranger("Service", "shop-primary", NAMESPACE, {"selector": {"app": "other"}}))

    cluster.hooks.append(quicker)
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        services = Services(Writer(seen.cluster, seen, lambda: None, "run/1"))
        with pytest.raises(TransientError, match="made by somebody else just now"):
            await services.ensure(canary(), deployment())
        with pytest.raises(InvalidError, match="belongs to Shop elsewhere"):
            await services.ensure(canary(), deployment())
    assert cluster.now("Service", "shop-primary", NAMESPACE)["spec"] == {"selector": {"app": "other"}}
