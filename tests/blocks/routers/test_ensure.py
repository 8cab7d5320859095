"""What every router of the table promises of a route that is there already, changed, or somebody else's; in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from blocks.kubernetes.informers import Informers, informed
from blocks.kubernetes.kinds import HTTP_ROUTE, SERVICE
from blocks.kubernetes.writer import TOKEN_ANNOTATION, Writer
from blocks.routers import ROUTERS, gateway_api, router_for
from blocks.routers.base import Router
from blocks.routers.memory import MemoryRouter
from blocks.services import Services
from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.objects import owner_of
from sluice.rollout.strategies.base import HOME, PROMOTION
from tests.memory_cluster import MemoryCluster, MemoryRoute
from tests.samples import NAMESPACE, canary_manifest, deployment, merged

Object = dict[str, Any]
BLUE_GREEN = {"analysis": {"stepWeights": [], "iterations": 3}}
CAN: dict[str, Object] = {"kubernetes": BLUE_GREEN}
"""What a provider can be asked for, where it is not weights."""
KINDS = {False: HTTP_ROUTE, True: SERVICE}
"""By whether the apex Service is the route."""
OWN: dict[str, Object] = {
    "Service": {
        "apiVersion": "v1",
        "spec": {
            "type": "NodePort",
            "selector": {"app": "shop"},
            "ports": [{"name": "http", "port": 80, "targetPort": 9898, "nodePort": 30429}],
        },
    },
    "HTTPRoute": {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "spec": {
            "parentRefs": [{"name": "old", "namespace": "edge"}],
            "hostnames": ["old.test"],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/api"}}],
                    "backendRefs": [{"name": "shop", "port": 80}],
                    "timeouts": {"request": "3s"},
                },
                {
                    "matches": [{"headers": [{"name": "x-canary", "value": "always"}]}],
                    "backendRefs": [{"name": "shop-canary", "port": 80}],
                },
                {"backendRefs": [{"name": "docs", "port": 80}]},
            ],
        },
    },
}
"""What an application has before it gets a Canary, by the kind of the route."""


@dataclass
class Place:
    """A router of the table on a cluster in memory."""

    provider: str
    cluster: MemoryCluster
    seen: Informers
    router: Router
    services: Services

    @property
    def kind(self) -> str:
        return KINDS[self.router.apex].kind

    async def meanwhile(self, change: Object | None) -> None:
        """What somebody else does to the route, None to delete it; returns when the watch has brought it."""
        kind = KINDS[self.router.apex]
        if change is None:
            self.cluster.vanish(kind, "shop", NAMESPACE)
        else:
            self.cluster.add(merged(self.now, change))
        wanted = self.cluster.objects.get((kind.kind, NAMESPACE, "shop"))
        async with self.seen.following(kind, "shop", NAMESPACE) as followed:
            assert await followed.until(lambda one: _version(one) == _version(wanted), 10)

    def canary(self, phase: str | None = None, weight: int = 0, **spec: Any) -> Canary:
        status = {"phase": phase, "canaryWeight": weight} if phase else None
        asked = merged({"provider": self.provider, **CAN.get(self.provider, {})}, spec)
        return Canary.parse(canary_manifest(asked, status))

    def add(self, **meta: Any) -> Object:
        """The application's own object, under the route's name."""
        known = {"name": "shop", "namespace": NAMESPACE, "uid": "7"}
        item = {**OWN[self.kind], "kind": self.kind, "metadata": {**known, **meta}}
        self.cluster.add(item)
        return self.now

    @property
    def now(self) -> Object:
        return self.cluster.now(self.kind, "shop", NAMESPACE)

    async def all_home(self, it: Canary) -> None:
        await self.services.ensure(it, deployment(), apex=not self.router.apex)
        await self.router.ensure(it, deployment())


@asynccontextmanager
async def placed(provider: str) -> AsyncIterator[Place]:
    cluster = MemoryCluster()
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        writer = Writer(seen.cluster, seen, lambda: None, "run/1")
        yield Place(provider, cluster, seen, router_for(provider, writer), Services(writer))


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No data plane has to be waited for."""
    monkeypatch.setattr(gateway_api, "APPLIED_WITHIN", 0)


@pytest.fixture(params=list(ROUTERS))
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with placed(request.param) as place:
        yield place


async def test_where_nothing_differs_nothing_is_written(place: Place) -> None:
    """At rest and under way, however often: a write that changes nothing is news to everybody who watches."""
    for phase in (None, "Initializing", "Progressing", "Promoting", "Finalising", "Succeeded", "Failed"):
        it = place.canary(phase)
        await place.all_home(it)
        before = list(place.cluster.acts)
        await place.all_home(it)
        assert place.cluster.acts == before


async def test_a_route_that_was_deleted_is_made_again(place: Place) -> None:
    """With everybody at home, or on the canary where the primary is just being replaced."""
    for phase, weight, wanted in (
        ("Succeeded", 0, 0),
        ("Progressing", 30, 0),
        ("Promoting", 0, 0),
        ("Promoting", 100, 100),
        ("Finalising", 0, 0),
    ):
        it = place.canary(phase, weight)
        await place.all_home(it)
        await place.meanwhile(None)
        await place.all_home(it)
        assert await place.router.weight(it) == wanted


async def test_under_way_the_weight_is_the_run_s_and_at_rest_everybody_is_at_home(place: Place) -> None:
    """The canary has no pods at rest: users that somebody gave it then go home."""
    await place.all_home(place.canary())
    for phase, wanted in (
        ("Progressing", 100),
        ("Promoting", 100),
        ("Succeeded", 0),
        ("Failed", 0),
        ("Initialized", 0),
    ):
        it = place.canary(phase)
        await place.router.shift(it, PROMOTION)
        await place.router.ensure(it, deployment())
        assert await place.router.weight(it) == wanted


async def test_an_application_s_own_is_taken_over_and_put_back(place: Place) -> None:
    """It is no route before; it is never owned by the Canary, which would take it along when it goes."""
    before, it = place.add(annotations={"team": "x"}), place.canary()
    spec = merged({}, before["spec"])
    assert await place.router.weight(it) is None
    with pytest.raises(NotFoundError):
        await place.router.shift(it, HOME)
    await place.all_home(it)
    assert await place.router.weight(it) == 0
    assert "ownerReferences" not in place.now["metadata"]
    await place.router.shift(it, PROMOTION)
    assert await place.router.weight(it) == 100
    acts = list(place.cluster.acts)
    await place.all_home(it)
    assert place.cluster.acts == acts
    await place.router.release(it)
    await place.services.release(it)
    assert place.now["spec"] == spec
    assert place.now["metadata"]["annotations"] == {"team": "x"}
    assert await place.router.weight(it) is None
    acts = list(place.cluster.acts)
    await place.router.release(it)
    await place.services.release(it)
    assert place.cluster.acts == acts


async def test_what_is_somebody_else_s_is_refused_and_stays_what_it_is(place: Place) -> None:
    """The message names it and its owner."""
    owner = {"apiVersion": "v1", "kind": "Gateway", "name": "other", "uid": "8", "controller": True}
    place.add(ownerReferences=[owner])
    it, before = place.canary(), list(place.cluster.acts)
    assert await place.router.weight(it) is None
    with pytest.raises(
        InvalidError, match=f"{place.kind} shop-test/shop belongs to Gateway other: delete or rename it"
    ):
        await place.router.ensure(it, deployment())
    with pytest.raises(NotFoundError):
        await place.router.shift(it, HOME)
    await place.router.release(it)
    assert place.cluster.acts == before


async def test_what_is_on_its_way_out_is_no_route_and_is_waited_for(place: Place) -> None:
    """A Canary was deleted and made again: what the old one owned goes a moment later, and users with it."""
    it = place.canary()
    await place.all_home(it)
    for meta in (
        {"ownerReferences": [{**owner_of(it), "uid": "before"}]},
        {"deletionTimestamp": "2026-11-27T10:00:00Z"},
    ):
        await place.all_home(it)
        await place.meanwhile({"metadata": meta})
        assert await place.router.weight(it) is None
        with pytest.raises(TransientError, match="waiting until it is gone"):
            await place.router.ensure(it, deployment())
        await place.meanwhile(None)
        await place.all_home(it)
        assert await place.router.weight(it) == 0


async def test_its_mark_keeps_an_earlier_actor_out_and_changes_nothing_else(place: Place) -> None:
    """Once for each holding of the lease."""
    it = place.canary()
    await place.router.fence_out(it)
    await place.all_home(it)
    spec = merged({}, place.now["spec"])
    await place.router.fence_out(it)
    version = place.now["metadata"]["resourceVersion"]
    await place.router.fence_out(it)
    assert place.now["metadata"]["annotations"][TOKEN_ANNOTATION] == "run/1"
    assert (place.now["spec"], place.now["metadata"]["resourceVersion"]) == (spec, version)


async def test_a_shift_whose_effect_is_not_there_is_an_error(place: Place) -> None:
    """Else the next look shifts again, for ever: here an admission webhook keeps the route as it is."""
    it = place.canary("Progressing")
    await place.all_home(it)
    before = merged({}, place.now["spec"])

    def keeps(when: str, verb: str, item: Object) -> None:
        if (when, item["kind"]) == ("before", place.kind):
            item["spec"] = before

    place.cluster.hooks.append(keeps)
    with pytest.raises(
        TransientError, match=rf"{place.kind} shop-test/shop gives 0 % to the canary after 100 % was written"
    ):
        await place.router.shift(it, PROMOTION)


async def test_a_route_that_does_not_stay_what_was_written_is_an_error_and_no_loop() -> None:
    """Here an admission webhook takes the halves out again."""
    async with placed("gatewayapi") as place:
        before, it = merged({}, place.add()["spec"]), place.canary()

        def keeps(when: str, verb: str, item: Object) -> None:
            if (when, item["kind"]) == ("before", "HTTPRoute"):
                item["spec"] = before

        place.cluster.hooks.append(keeps)
        with pytest.raises(TransientError, match="HTTPRoute shop-test/shop is not what was written, time after time"):
            await place.router.ensure(it, deployment())


@pytest.mark.parametrize("router", [MemoryRouter(), MemoryRoute(MemoryCluster())], ids=["memory", "memory cluster"])
async def test_routers_for_tests_keep_to_the_journal_too(router: Any) -> None:
    """What stands above them is tried on the truth."""
    for phase, weight, wanted in (("Progressing", 30, 0), ("Promoting", 100, 100), ("Succeeded", 0, 0)):
        it = Canary.parse(canary_manifest(status={"phase": phase, "canaryWeight": weight}))
        await router.release(it)
        assert await router.weight(it) is None
        await router.ensure(it, deployment())
        assert await router.weight(it) == wanted


async def test_two_canaries_of_one_name_in_two_namespaces_have_a_weight_each() -> None:
    """In memory too."""
    router = MemoryRouter()
    here, there = (merged(canary_manifest(), {"metadata": {"namespace": name}}) for name in ("here", "there"))
    for manifest in (here, there):
        await router.ensure(Canary.parse(manifest), deployment())
    await router.shift(Canary.parse(here), PROMOTION)
    assert await router.weight(Canary.parse(here)) == 100
    assert await router.weight(Canary.parse(there)) == 0


def _version(item: Object | None) -> str:
    return str(item["metadata"]["resourceVersion"]) if item else ""
