"""Gateway controllers that do not write a route's status as most do: a release goes on behind them or says why it cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from blocks.kubernetes.informers import informed
from blocks.kubernetes.writer import Writer
from blocks.routers import gateway_api
from blocks.routers.gateway_api import GatewayApiRouter
from sluice.errors import InvalidError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.strategies.base import Traffic
from tests import memory_cluster
from tests.memory_cluster import MemoryCluster
from tests.samples import NAMESPACE, canary_manifest, deployment

Object = dict[str, Any]
Says = Callable[[Object], Object]


def says(*conditions: Object) -> Says:
    """A controller that writes these conditions for each parent, and names itself."""

    def status(route: Object) -> Object:
        parents = route["spec"]["parentRefs"]
        entry = {"controllerName": "example.test/gateway", "conditions": list(conditions)}
        return {"parents": [{"parentRef": one, **entry} for one in parents]}

    return status


ACCEPTED = {"type": "Accepted", "status": "True"}
RESOLVED = {"type": "ResolvedRefs", "status": "True"}


class Place:
    """A router on a cluster whose Gateway's controller is one of these."""

    def __init__(self, cluster: MemoryCluster, router: GatewayApiRouter, slept: list[float]) -> None:
        self.cluster, self.router, self.slept = cluster, router, slept
        self.canary = Canary.parse(canary_manifest(status={"phase": "Progressing"}))

    def weights(self) -> list[int]:
        (rule,) = self.cluster.now("HTTPRoute", "shop", NAMESPACE)["spec"]["rules"]
        return [one["weight"] for one in rule["backendRefs"]]


@pytest.fixture
async def place(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(gateway_api, "sleep", sleep)
    monkeypatch.setattr(gateway_api, "ACKNOWLEDGED_WITHIN", 0.05)
    cluster = MemoryCluster()
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        yield Place(cluster, GatewayApiRouter(Writer(seen.cluster, seen, lambda: None, "run/1")), slept)


def behind(monkeypatch: pytest.MonkeyPatch, controller: Says) -> None:
    monkeypatch.setattr(memory_cluster, "acknowledged", controller)


@pytest.mark.parametrize(
    "controller", [says(ACCEPTED), says(ACCEPTED, RESOLVED)], ids=["accepted", "with its backends"]
)
async def test_a_release_goes_on_behind_a_controller_that_names_no_generation(
    place: Place, monkeypatch: pytest.MonkeyPatch, controller: Says
) -> None:
    """It has had the time to look after each write; where nothing is written nobody waits."""
    behind(monkeypatch, controller)
    await place.router.ensure(place.canary, deployment())
    for weight in (10, 60, 0):
        await place.router.shift(place.canary, Traffic(weight))
        assert place.weights() == [100 - weight, weight]
    assert place.slept == [gateway_api.UNDATED] * 4
    await place.router.ensure(place.canary, deployment())
    assert len(place.slept) == 4


async def test_what_such_a_controller_says_after_it_has_looked_counts(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had accepted the route before, and not yet looked at what was written."""
    behind(monkeypatch, says(ACCEPTED, RESOLVED))
    await place.router.ensure(place.canary, deployment())

    async def looks(seconds: float) -> None:
        behind(monkeypatch, says(ACCEPTED, {**RESOLVED, "status": "False", "reason": "BackendNotFound"}))
        place.cluster.add(place.cluster.now("HTTPRoute", "shop", NAMESPACE))

    monkeypatch.setattr(gateway_api, "sleep", looks)
    with pytest.raises(TransientError, match="cannot find its backends: BackendNotFound"):
        await place.router.shift(place.canary, Traffic(10))
    await place.router.shift(place.canary, Traffic(0))


async def test_a_refusal_without_a_generation_is_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the controller's words."""
    behind(monkeypatch, says({"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners"}))
    with pytest.raises(InvalidError, match="refused by the Gateway's controller: NotAllowedByListeners"):
        await place.router.ensure(place.canary, deployment())


@pytest.mark.parametrize("status", [{}, {"parents": []}], ids=["no status", "no parents"])
async def test_a_controller_that_reports_nothing_is_an_error_with_the_way_out(
    place: Place, monkeypatch: pytest.MonkeyPatch, status: Object
) -> None:
    """Nobody knows whether the route is in force: the Gateway is named, and what to look at."""
    behind(monkeypatch, lambda route: dict(status))
    with pytest.raises(TransientError) as error:
        await place.router.ensure(place.canary, deployment())
    assert "no controller has reported on it for Gateway edge/lab" in str(error.value)
    assert "spec.service.gatewayRefs" in str(error.value)
    assert "status.parents" in str(error.value)


async def test_a_controller_that_does_not_follow_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reported on an older generation, and is away since."""
    behind(monkeypatch, says({**ACCEPTED, "observedGeneration": 1}))
    await place.router.ensure(place.canary, deployment())
    with pytest.raises(TransientError, match=r"nothing was heard for Gateway edge/lab \(example.test/gateway\)"):
        await place.router.shift(place.canary, Traffic(10))
