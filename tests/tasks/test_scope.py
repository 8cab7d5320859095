"""Scope: an installation with rights in some namespaces asks for nothing else, and what is not installed is not there.

Real stages and the real client against an API server that refuses the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from blocks.connections import Connections
from blocks.connections import connected as in_this_process
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.informers import Informers, informed
from blocks.kubernetes.kinds import CANARY, DEPLOYMENT, GIT_REPOSITORY, IMAGE_POLICY, IMAGE_REPOSITORY, KUSTOMIZATION
from blocks.sources.table import sources_of
from deployments.polling.poller import Poller
from sluice.manifests.flux.kustomization import Kustomization
from tasks.images.choose_image import choose_image
from tasks.sync.applying.owner import Owner
from tasks.sync.fetch_source import Fetched
from tasks.sync.find_due import find_due
from tasks.sync.find_moved_sources import find_moved_sources
from tasks.sync.kustomizations.claims import Claims
from tasks.upkeep.find_orphans import find_orphans
from tests.samples import canary_manifest, deployment
from tests.scoped_server import ScopedServer, serving
from tests.tasks.sync.brought import brought

FOLLOWER = Kustomization.parse(
    {"metadata": {"name": "app", "namespace": "a"}, "spec": {"sourceRef": {"name": "shop"}, "prune": True}}
)
URL = "https://git.example/team/shop"
MINE = ("a", "b")


def of(namespace: str, **spec: Any) -> dict[str, Any]:
    meta = {"name": "shop", "namespace": namespace, "uid": f"0{namespace[0]}", "resourceVersion": "7"}
    return {"metadata": meta, "spec": spec}


def moved(namespace: str, item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "metadata": {**item["metadata"], "namespace": namespace}}


def world(*namespaces: str) -> dict[Any, list[dict[str, Any]]]:
    """One of each in each namespace."""
    follower = {"sourceRef": {"name": "shop"}, "prune": True}
    policy = {"imageRepositoryRef": {"name": "shop"}, "policy": {"semver": {"range": "*"}}}
    return {
        GIT_REPOSITORY: [of(one, url=URL, ref={"branch": "main"}) for one in namespaces],
        KUSTOMIZATION: [of(one, **follower) for one in namespaces],
        IMAGE_REPOSITORY: [of(one, image="registry.example/shop") for one in namespaces],
        IMAGE_POLICY: [of(one, **policy) for one in namespaces],
        CANARY: [moved(one, canary_manifest()) for one in namespaces],
        DEPLOYMENT: [moved(one, deployment()) for one in namespaces],
    }


async def sources(cluster: Cluster) -> Any:
    return sorted(one.namespace for one in await sources_of(cluster, URL, "main"))


async def due(cluster: Cluster) -> Any:
    fetched = [Fetched(namespace=one, name="shop", commit="c", revision="main@sha1:c") for one in (*MINE, "other")]
    return sorted(one.namespace for one in await find_due.fn(fetched))


async def chosen(cluster: Cluster) -> Any:
    return (await choose_image.fn("registry.example/nobodys", "1.0.0")).reason


async def polled(cluster: Cluster) -> Any:
    async with informed(cluster, cluster.namespaces) as informers:
        poller = Poller(connected_to(cluster, informers))
        keeping = asyncio.create_task(poller.keep())
        for kind in (IMAGE_POLICY, IMAGE_REPOSITORY):
            await informers.list(kind)
        await asyncio.sleep(0)
        found = sorted(namespace for namespace, _ in poller.known)
        keeping.cancel()
        return found


async def branches(cluster: Cluster) -> Any:
    return await find_moved_sources.fn()


async def orphans(cluster: Cluster) -> Any:
    return await find_orphans.fn()


async def applied(cluster: Cluster) -> Any:
    return len(await brought(cluster, [], Owner("a", "app", Claims(cluster, FOLLOWER))))


Look = Callable[[Cluster], Awaitable[Any]]
NOBODY = "no ImageRepository names registry.example/nobodys"
LOOKS = {
    sources: (["a", "b"], []),
    due: (["a", "b"], []),
    chosen: (NOBODY, NOBODY),
    polled: (["a", "b"], []),
    branches: ([], []),
    orphans: ([], []),
    applied: (0, 0),
}


def connected_to(cluster: Cluster, informers: Informers) -> Connections:
    nothing: Any = None
    parts = dict.fromkeys(("router", "metrics", "gates", "lease", "workers"), nothing)
    return Connections(cluster=cluster, informers=informers, **parts)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
async def test_nothing_outside_of_the_scope_is_asked_for(look: Look) -> None:
    """Neither the whole cluster nor another namespace: namespaced rights are enough, and two installations do not meet."""
    server = ScopedServer(MINE, world(*MINE, "other"))
    if look is orphans:  # what is found would be looked up in Prefect
        server.objects[DEPLOYMENT] = [
            one for one in server.objects[DEPLOYMENT] if one["metadata"]["namespace"] == "other"
        ]
    async with serving(server) as cluster, informed(cluster, cluster.namespaces) as informers:
        with in_this_process(connected_to(cluster, informers)):
            assert await look(cluster) == LOOKS[look][0]
    assert server.refused == []


@pytest.mark.parametrize("namespaces", [(), MINE], ids=["everywhere", "in a scope"])
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
async def test_what_is_not_installed_is_not_there(look: Look, namespaces: tuple[str, ...]) -> None:
    """Only Flagger, only Flux, or nothing yet: no error each minute, and no sync that fails for want of Canaries."""
    async with serving(ScopedServer(namespaces)) as cluster, informed(cluster, cluster.namespaces) as informers:
        with in_this_process(connected_to(cluster, informers)):
            assert await look(cluster) == LOOKS[look][1]
