"""What every router promises, tried on each row of the table, in memory, and on the lab's real data plane."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import HTTP_ROUTE, SERVICE
from blocks.kubernetes.writer import Writer
from blocks.routers import ROUTERS, router_for
from blocks.routers.gateway_api import GatewayApiRouter
from blocks.routers.memory import MemoryRouter
from blocks.services import Services
from sluice.errors import InvalidError, NotFoundError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.strategies.base import Traffic
from tests.blocks.routers.ground import Ground, on_the_lab
from tests.memory_cluster import MemoryCluster, MemoryRoute
from tests.samples import canary_manifest, deployment, success_rate

PATIENCE = 60.0
BLUE_GREEN = {"analysis": {"stepWeights": [], "iterations": 3}}
CAN: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {"kubernetes": (BLUE_GREEN, (100, 100, 0, 100, 0))}
"""What a provider can be asked for, where it is not every share."""


@pytest.fixture(
    params=[
        "memory",
        "memory cluster",
        *(f"row {provider!r}" for provider in ROUTERS),
        pytest.param("gateway api", marks=pytest.mark.lab),
    ]
)
async def ground(request: pytest.FixtureRequest) -> AsyncIterator[Ground]:
    manifest = canary_manifest()
    if request.param == "memory":
        yield Ground(MemoryRouter(), Canary.parse(manifest), deployment())
        return
    if request.param == "memory cluster":
        yield Ground(MemoryRoute(MemoryCluster()), Canary.parse(manifest), deployment())
        return
    if request.param.startswith("row "):
        provider = request.param.removeprefix("row ").strip("'")
        async with informed(MemoryCluster()) as seen:  # type: ignore[arg-type]
            router = router_for(provider, Writer(seen.cluster, seen, lambda: None, "run/1"))
            spec, shares = CAN.get(provider, ({}, Ground.shares))
            it = Canary.parse(canary_manifest({"provider": provider, **spec}))
            yield Ground(router, it, deployment(), shares=shares)
        return
    async with on_the_lab(request.getfixturevalue("lab_env"), manifest) as real:
        yield real


@pytest.fixture
async def real(lab_env: dict[str, Any]) -> AsyncIterator[Ground]:
    async with on_the_lab(lab_env, canary_manifest()) as ground:
        yield ground


async def test_before_anything_was_made_there_is_no_weight(ground: Ground) -> None:
    """No route is told apart from a route without traffic."""
    assert await ground.router.weight(ground.canary) is None


async def test_a_new_route_gives_everything_to_the_primary(ground: Ground) -> None:
    """Nobody meets the canary because a route was made."""
    await ground.router.ensure(ground.canary, ground.target)
    assert await ground.router.weight(ground.canary) == 0


async def test_ensuring_again_leaves_the_weight_where_it_is(ground: Ground) -> None:
    """A worker that starts in the middle of a step moves no traffic by looking after the objects."""
    await ground.router.ensure(ground.canary, ground.target)
    await ground.router.shift(ground.canary, Traffic(ground.shares[0]))
    await ground.router.ensure(ground.canary, ground.target)
    assert await ground.router.weight(ground.canary) == ground.shares[0]


async def test_what_was_shifted_is_what_is_read(ground: Ground) -> None:
    """Each weight is in force when the shift returns; shifting to where it is changes nothing."""
    await ground.router.ensure(ground.canary, ground.target)
    for weight in ground.shares:
        await ground.router.shift(ground.canary, Traffic(weight))
        assert await ground.router.weight(ground.canary) == weight


async def test_shifting_without_a_route_is_refused(ground: Ground) -> None:
    """A shift never makes a route by itself."""
    with pytest.raises(NotFoundError):
        await ground.router.shift(ground.canary, Traffic(100))


def test_providers_are_named_as_in_flagger_and_unknown_ones_refused_by_name() -> None:
    """A Canary for another data plane is an error that names the field, not a silent default."""
    for provider in ("", "gatewayapi", "gatewayapi:v1"):
        assert isinstance(router_for(provider, MemoryCluster()), GatewayApiRouter)  # type: ignore[arg-type]
    with pytest.raises(
        InvalidError,
        match=r"spec\.provider 'istio' is not supported yet; use one of: gatewayapi, gatewayapi:v1, kubernetes",
    ):
        router_for("istio", MemoryCluster())  # type: ignore[arg-type]


def test_an_installation_s_own_router_is_a_row_more() -> None:
    """Made as the others are, and named among those that there are."""
    own = MemoryRouter()
    rows = {**ROUTERS, "acme": lambda writer: own}
    assert router_for("acme", MemoryCluster(), rows) is own  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match="use one of: acme, gatewayapi, gatewayapi:v1, kubernetes"):
        router_for("istio", MemoryCluster(), rows)  # type: ignore[arg-type]


@pytest.mark.lab
async def test_the_route_is_accepted_when_a_shift_returns(real: Ground) -> None:
    """The Gateway's controller has acknowledged just the generation that carries the weight."""
    assert real.cluster is not None
    await real.router.ensure(real.canary, real.target)
    for weight in (30, 60, 0):
        await real.router.shift(real.canary, Traffic(weight))
        route = await real.cluster.get(HTTP_ROUTE, "shop", real.canary.namespace)
        (parent,) = route["status"]["parents"]
        (accepted,) = [one for one in parent["conditions"] if one["type"] == "Accepted"]
        assert (accepted["status"], accepted["observedGeneration"]) == ("True", route["metadata"]["generation"])


@pytest.mark.lab
async def test_the_three_services_are_there_and_what_users_added_to_the_route_stays(real: Ground) -> None:
    """A shift changes two weights and nothing else of the route."""
    assert real.cluster is not None
    namespace = real.canary.namespace
    await Services(real.writer).ensure(real.canary, real.target)
    await real.router.ensure(real.canary, real.target)
    assert {one["metadata"]["name"] for one in await real.cluster.list(SERVICE, namespace)} == {
        "shop",
        "shop-primary",
        "shop-canary",
    }
    route = await real.cluster.get(HTTP_ROUTE, "shop", namespace)
    header = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "x-by", "value": "us"}]}}
    route["spec"]["rules"][0]["filters"] = [header]
    await real.replace_route(route)
    await real.router.shift(real.canary, Traffic(30))
    after = await real.cluster.get(HTTP_ROUTE, "shop", namespace)
    assert after["spec"]["rules"][0]["filters"] == [header]
    assert [one["weight"] for one in after["spec"]["rules"][0]["backendRefs"]] == [70, 30]


COMPARED: dict[str, Any] = {"stepWeights": [10, 50], "metrics": [success_rate(99)], "comparison": {}}


def shares(route: dict[str, Any]) -> dict[str, int]:
    """Each backend's weight."""
    return {one["name"]: one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]}


async def test_a_comparison_that_is_switched_on_and_off_finds_its_place_in_the_route_and_leaves_no_traffic_behind() -> (
    None
):
    """A route that was made before gets the baseline next to the canary; afterwards nothing comes to it."""
    cluster = MemoryCluster()
    plain = Canary.parse(canary_manifest())
    compared = Canary.parse(canary_manifest({"analysis": COMPARED}))
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        router = GatewayApiRouter(Writer(seen.cluster, seen, lambda: None, "run/1"))
        await router.ensure(plain, deployment())
        assert shares(cluster.now("HTTPRoute", "shop", plain.namespace)) == {"shop-primary": 100, "shop-canary": 0}
        for weight, primary, baseline in ((0, 100, 0), (10, 80, 10), (100, 0, 0), (10, 80, 10)):
            await router.shift(compared, Traffic(weight))
            route = cluster.now("HTTPRoute", "shop", plain.namespace)
            assert shares(route) == {"shop-primary": primary, "shop-canary": weight, "shop-baseline": baseline}
            assert await router.weight(compared) == weight
        before = list(cluster.acts)
        await router.shift(compared, Traffic(10))
        assert cluster.acts == before
        await router.shift(plain, Traffic(10))
        route = cluster.now("HTTPRoute", "shop", plain.namespace)
        assert shares(route) == {"shop-primary": 90, "shop-canary": 10, "shop-baseline": 0}


@pytest.mark.lab
@pytest.mark.parametrize("weights", [(1, 1), (0, 0), (200, 0)], ids=["raw shares", "nobody", "another scale"])
async def test_weights_that_somebody_else_set_are_read_as_shares_and_put_right(
    real: Ground, weights: tuple[int, int]
) -> None:
    """Drift is seen as percent of users, and the next shift brings both halves to what is asked."""
    assert real.cluster is not None
    await real.router.ensure(real.canary, real.target)
    route = await real.cluster.get(HTTP_ROUTE, "shop", real.canary.namespace)
    for backend, weight in zip(route["spec"]["rules"][0]["backendRefs"], weights, strict=True):
        backend["weight"] = weight
    await real.replace_route(route)
    assert await real.router.weight(real.canary) == (50 if weights == (1, 1) else 0)
    for asked in (0, 1):
        await real.router.shift(real.canary, Traffic(asked))
        after = await real.cluster.get(HTTP_ROUTE, "shop", real.canary.namespace)
        assert [one["weight"] for one in after["spec"]["rules"][0]["backendRefs"]] == [100 - asked, asked]
