"""The users' way in, Services and route together: an edit of the manifest loses nobody, a change of the provider neither."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from blocks.kubernetes.informers import informed
from blocks.kubernetes.writer import Writer
from blocks.routers import gateway_api, other_routers, router_for, way_in
from blocks.routers.base import Router
from blocks.routers.way_in import ensure_way_in, release_way_in
from blocks.services import Services
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.strategies.base import PROMOTION
from tests.memory_cluster import MemoryCluster
from tests.samples import NAMESPACE, canary_manifest, deployment, merged

Object = dict[str, Any]
BLUE_GREEN = {"provider": "kubernetes", "analysis": {"stepWeights": [], "iterations": 3}}


class Place:
    """A Canary's Services and routers on a cluster in memory."""

    def __init__(self, cluster: MemoryCluster, writer: Writer) -> None:
        self.cluster, self.writer, self.services = cluster, writer, Services(writer)
        self.gateway, self.kubernetes = router_for("gatewayapi", writer), router_for("kubernetes", writer)

    async def ensure(self, router: Router, it: Canary) -> None:
        others = other_routers(it.spec.provider, self.writer)
        assert router not in others
        await ensure_way_in(self.services, router, it, deployment(), others)

    def now(self, kind: str, name: str = "shop") -> Object:
        return self.cluster.now(kind, name, NAMESPACE)

    def backends(self) -> dict[str, tuple[int, int]]:
        (rule,) = self.now("HTTPRoute")["spec"]["rules"]
        return {one["name"]: (one["port"], one["weight"]) for one in rule["backendRefs"]}


@pytest.fixture
async def place(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    for module in (way_in, gateway_api):
        monkeypatch.setattr(module, "APPLIED_WITHIN", 0)
    cluster = MemoryCluster()
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        yield Place(cluster, Writer(seen.cluster, seen, lambda: None, "run/1"))


def canary(status: Object | None = None, **spec: Any) -> Canary:
    return Canary.parse(canary_manifest(spec, status or {"phase": "Succeeded"}))


EDITS: dict[str, Object] = {
    "number": {"port": 8080},
    "name": {"portName": "grpc"},
    "number and name": {"port": 8080, "portName": "grpc"},
    "container's port": {"targetPort": 8081, "appProtocol": "kubernetes.io/h2c"},
    "hosts": {"hosts": ["other.test"]},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("phase", ["Succeeded", "Progressing"])
async def test_at_no_moment_does_the_route_point_at_a_port_that_is_not_there(
    place: Place, edit: Object, phase: str
) -> None:
    """After each write, of the Services and of the route: the backend's port is one of its Service, by the name it had."""
    before = canary({"phase": phase}, service={"portName": "http"})
    await place.ensure(place.gateway, before)
    if phase == "Progressing":
        await place.gateway.shift(before, PROMOTION)
    names: dict[tuple[str, int], str] = {}
    pointed: set[tuple[str, int]] = set()
    known: set[tuple[str, int]] | None = None
    idle: set[tuple[str, int]] = set()

    def looks(when: str, verb: str, item: Object) -> None:
        if when != "after":
            return
        nonlocal pointed, known
        (rule,) = place.now("HTTPRoute")["spec"]["rules"]
        now = {(one["name"], one["port"]): one["weight"] for one in rule["backendRefs"]}
        assert {key for key, weight in now.items() if weight} <= (known or set(now)), "users and backend came at once"
        assert {key for key in known or () if key not in now} <= idle, "it went with its users"
        known = set(now)
        idle.clear()
        idle.update(key for key, weight in now.items() if not weight)
        for key in now:
            (port,) = [one for one in place.now("Service", key[0])["spec"]["ports"] if one["port"] == key[1]]
            assert key not in pointed or names[key] == port["name"], "renamed while it was in use"
            names[key] = port["name"]
        pointed = set(now)

    place.cluster.hooks.append(looks)
    looks("after", "", {})
    after = canary({"phase": phase}, service={"portName": "http", **edit})
    await place.ensure(place.gateway, after)
    service = after.spec.service
    assert set(place.backends().values()) == ({(service.port, 100), (service.port, 0)})
    assert (await place.gateway.weight(after)) == (100 if phase == "Progressing" else 0)
    for name in ("shop", "shop-primary", "shop-canary"):
        (port,) = place.now("Service", name)["spec"]["ports"]
        assert (port["port"], port["name"], port["targetPort"]) == (
            service.port,
            service.port_name,
            service.target_port,
        )
    acts = list(place.cluster.acts)
    await place.ensure(place.gateway, after)
    assert place.cluster.acts == acts


async def test_another_provider_divides_the_users_and_the_old_one_nobody(place: Place) -> None:
    """From the Gateway to the apex Service, and back: the route of the old one leads to the apex Service."""
    gateway, kubernetes = canary(), canary(**BLUE_GREEN)
    await place.ensure(place.gateway, gateway)
    await place.ensure(place.kubernetes, kubernetes)
    assert place.backends() == {"shop": (80, 100)}
    assert (await place.gateway.weight(kubernetes), await place.kubernetes.weight(kubernetes)) == (None, 0)
    await place.ensure(place.gateway, gateway)
    assert place.backends() == {"shop-primary": (80, 100), "shop-canary": (80, 0)}
    assert (await place.gateway.weight(gateway), await place.kubernetes.weight(gateway)) == (0, None)
    acts = list(place.cluster.acts)
    await place.ensure(place.gateway, gateway)
    assert place.cluster.acts == acts


async def test_in_the_middle_of_a_release_the_old_router_s_users_stay_where_they_are(place: Place) -> None:
    """Users who come by it may be on the canary while the primary is replaced."""
    promoting = {"phase": "Promoting", "canaryWeight": 100}
    await place.ensure(place.kubernetes, canary(promoting, **BLUE_GREEN))
    await place.ensure(place.gateway, canary(promoting))
    assert place.now("Service")["spec"]["selector"] == {"app": "shop"}
    assert place.backends() == {"shop-primary": (80, 0), "shop-canary": (80, 100)}


async def test_what_was_taken_over_is_put_back_on_the_way_out(place: Place) -> None:
    """Service and route of the application's own; what sluice made is left to the cluster's garbage collection."""
    meta = {"name": "shop", "namespace": NAMESPACE}
    ports = [{"name": "http", "port": 80, "targetPort": 9898}, {"name": "admin", "port": 81}]
    service = {
        "kind": "Service",
        "metadata": {**meta, "uid": "7"},
        "spec": {"selector": {"app": "shop"}, "ports": ports},
    }
    backends = [{"name": "shop", "port": 80}]
    spec = {"parentRefs": [{"name": "lab", "namespace": "edge"}], "rules": [{"backendRefs": backends}]}
    route = {"kind": "HTTPRoute", "metadata": {**meta, "uid": "8"}, "spec": spec}
    place.cluster.add(service, route)
    before = {kind: merged({}, place.now(kind)["spec"]) for kind in ("Service", "HTTPRoute")}
    await place.ensure(place.gateway, canary())
    assert place.backends() == {"shop-primary": (80, 100), "shop-canary": (80, 0)}
    assert place.now("Service")["spec"]["selector"] == {"app": "shop-primary"}
    for _ in range(2):
        await release_way_in(place.services, (place.gateway, place.kubernetes), canary())
        assert {kind: place.now(kind)["spec"] for kind in before} == before
        assert not place.now("Service")["metadata"]["annotations"]


async def test_without_anything_to_put_back_nothing_is_written(place: Place) -> None:
    """The Canary may never have come so far."""
    await release_way_in(place.services, (place.gateway, place.kubernetes), canary())
    assert place.cluster.acts == []
