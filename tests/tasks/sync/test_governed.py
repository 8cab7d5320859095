"""What a Canary governs stays as its rollout wants it, whatever git says: a sync puts no selector and no weight back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from blocks.kubernetes.kinds import HTTP_ROUTE, SERVICE
from sluice.sync.objects import ObjectId, identity
from tasks.sync.applying.owner import Owner
from tasks.sync.applying.prune import prune as pruned
from tests.memory_cluster import MemoryCluster
from tests.samples import NAME, NAMESPACE, canary_manifest
from tests.tasks.sync.brought import brought

Object = dict[str, Any]
LABELS = {"kustomize.toolkit.fluxcd.io/name": "app", "kustomize.toolkit.fluxcd.io/namespace": NAMESPACE}
BEGUN = {"phase": "Initialized"}


class Nobody:
    """No other Kustomization has anything."""

    async def has(self, namespace: str, name: str, one: ObjectId) -> bool:
        return False

    async def wanted(self, gone: Iterable[ObjectId]) -> dict[str, tuple[str, str]]:
        return {}


OWNER = Owner(NAMESPACE, "app", Nobody())


def service(app: str, name: str = NAME, **meta: Any) -> Object:
    """As git has it: the selector of the application's own pods."""
    meta = {"name": name, "namespace": NAMESPACE, "labels": dict(LABELS), **meta}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": {"app": app}}}


def route(weight: int) -> Object:
    meta = {"name": NAME, "namespace": NAMESPACE, "labels": dict(LABELS)}
    spec = {"rules": [{"backendRefs": [{"name": NAME, "weight": weight}]}]}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": meta, "spec": spec}


def governing(status: Object | None = BEGUN, **spec: Any) -> MemoryCluster:
    """A cluster in which a rollout has taken the Service and the route over."""
    cluster = MemoryCluster()
    cluster.add(canary_manifest(spec, status=status), service("shop-primary"), route(0))
    return cluster


async def sync(cluster: MemoryCluster, *objects: Object) -> int:
    return len(await brought(cluster, list(objects), OWNER))  # type: ignore[arg-type]


async def prune(cluster: MemoryCluster, *gone: Object) -> int:
    return len(await pruned(cluster, [identity(one) for one in gone], OWNER))  # type: ignore[arg-type]


async def test_a_sync_puts_nothing_back_that_a_rollout_has_taken_over() -> None:
    """Users would meet pods that are scaled to 0."""
    cluster = governing()
    assert await sync(cluster, service("shop"), route(100)) == 2
    assert cluster.now("Service", NAME, NAMESPACE)["spec"]["selector"] == {"app": "shop-primary"}
    assert cluster.now("HTTPRoute", NAME, NAMESPACE)["spec"] == route(0)["spec"]


async def test_before_the_first_rollout_git_counts() -> None:
    """And with a router that uses no HTTPRoute, one of that name is the user's."""
    cluster = governing(None)
    assert await sync(cluster, service("shop"), route(100)) == 0
    assert cluster.now("Service", NAME, NAMESPACE)["spec"]["selector"] == {"app": "shop"}
    cluster = governing(provider="kubernetes")
    assert await sync(cluster, service("shop"), route(100)) == 1
    assert cluster.now("HTTPRoute", NAME, NAMESPACE)["spec"] == route(100)["spec"]


async def test_what_is_not_there_yet_is_made() -> None:
    """Somebody deleted the Service: the next sync brings it, and the rollout takes it over once more."""
    cluster = governing()
    cluster.vanish(SERVICE, NAME, NAMESPACE)
    assert await sync(cluster, service("shop")) == 0
    assert cluster.now("Service", NAME, NAMESPACE)


@pytest.mark.parametrize(
    "meta",
    [
        {"annotations": {"sluice.dev/canary": NAME}},
        {
            "ownerReferences": [
                {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": NAME, "controller": True}
            ]
        },
    ],
    ids=["taken over", "owned"],
)
async def test_what_is_marked_as_a_canary_s_is_its_own_under_any_name(meta: Object) -> None:
    """Routers make more than what the rules know by name; another Canary's mark says nothing here."""
    cluster = governing()
    cluster.add(service("primary", "other", **meta))
    assert await sync(cluster, service("shop", "other")) == 1
    cluster.add(service("primary", "third", annotations={"sluice.dev/canary": "somebody"}))
    assert await sync(cluster, service("shop", "third")) == 0


async def test_what_left_git_stays_while_its_canary_governs_it() -> None:
    """The Service leaves git because the Canary makes it: deleting it would be an outage."""
    cluster = governing()
    assert await prune(cluster, service("shop"), route(100)) == 0
    assert cluster.now("Service", NAME, NAMESPACE)
    assert cluster.now("HTTPRoute", NAME, NAMESPACE)


async def test_an_application_that_leaves_git_leaves_as_a_whole() -> None:
    """A Canary that goes in the same sync governs nothing any more."""
    cluster = governing()
    cluster.objects[("Canary", NAMESPACE, NAME)]["metadata"]["labels"] = dict(LABELS)
    assert await prune(cluster, service("shop"), route(100), canary_manifest()) == 3
    assert await cluster.find(HTTP_ROUTE, NAME, NAMESPACE) is None
