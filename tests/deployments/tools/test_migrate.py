"""A namespace goes from Flux to sluice and back: by the metadata of its objects, and never while both would act."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from blocks.kubernetes.beside_flux import GivenToSluice
from blocks.kubernetes.kinds import DEPLOYMENT, FLUX_KINDS, GIT_REPOSITORY, KUSTOMIZATION
from deployments.tools.migrate import controller_of, migrate
from sluice.errors import InvalidError
from sluice.manifests.beside_flux import RUN_BY, SHARD
from sluice.manifests.selector import selector
from tests.memory_cluster import MemoryCluster

TEAM = "team"


def flux_object(kind: Any, name: str, namespace: str = TEAM, **meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, "namespace": namespace, **meta},
        "spec": {"interval": "1m"},
    }


def controller(name: str, *arguments: str, replicas: int = 1) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/component": name}
    container = {"name": "manager", "image": "flux:2", "args": ["--events-addr=x", *arguments]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "flux-system", "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


@pytest.fixture
def cluster() -> MemoryCluster:
    it = MemoryCluster()
    it.add(flux_object(GIT_REPOSITORY, "fleet"))
    it.add(flux_object(KUSTOMIZATION, "shop", labels={"tier": "web"}, annotations={"own": "kept"}))
    it.add(flux_object(KUSTOMIZATION, "other", "elsewhere"))
    return it


def shown(cluster: MemoryCluster, name: str = "shop", namespace: str = TEAM) -> tuple[dict[str, str], dict[str, str]]:
    meta = cluster.now("Kustomization", name, namespace)["metadata"]
    return dict(meta.get("labels") or {}), dict(meta.get("annotations") or {})


async def test_a_namespace_is_taken_over_and_given_back(cluster: MemoryCluster) -> None:
    before = cluster.now("Kustomization", "shop", TEAM)
    moves = await migrate(cluster, TEAM)
    assert sorted(map(str, moves)) == ["GitRepository team/fleet", "Kustomization team/shop"]
    labels, annotations = shown(cluster)
    assert labels == {"tier": "web", SHARD: "sluice"}
    assert annotations.pop(RUN_BY).startswith("sluice since 2")
    assert annotations == {"own": "kept"}
    assert shown(cluster, "other", "elsewhere") == ({}, {})
    assert await migrate(cluster, TEAM) == []

    await migrate(cluster, TEAM, back=True)
    labels, annotations = shown(cluster)
    assert (labels, annotations) == ({"tier": "web"}, {"own": "kept", RUN_BY: "flux"})
    assert await migrate(cluster, TEAM, back=True) == []
    assert cluster.now("Kustomization", "shop", TEAM)["spec"] == before["spec"]


async def test_what_would_be_done_is_shown_without_doing_it(cluster: MemoryCluster) -> None:
    assert len(await migrate(cluster, TEAM, dry_run=True)) == 2
    assert shown(cluster) == ({"tier": "web"}, {"own": "kept"})


@pytest.mark.parametrize(
    "running",
    [
        controller("kustomize-controller"),
        controller("kustomize-controller", "--watch-label-selector=tier=web"),
        controller("source-controller", "--watch-all-namespaces=true"),
    ],
)
async def test_nothing_is_taken_over_that_flux_would_go_on_with(
    cluster: MemoryCluster, running: dict[str, Any]
) -> None:
    cluster.add(running)
    with pytest.raises(InvalidError, match=r"acts on it whatever its label .* Nothing was changed"):
        await migrate(cluster, TEAM)
    assert shown(cluster) == ({"tier": "web"}, {"own": "kept"})


@pytest.mark.parametrize(
    "running",
    [
        controller("kustomize-controller", f"--watch-label-selector=!{SHARD}"),
        controller("kustomize-controller", replicas=0),
        controller("kustomize-controller", "--watch-all-namespaces=false"),
        controller("helm-controller"),
        controller("notification-controller"),
    ],
)
async def test_controllers_that_leave_it_alone_may_run(cluster: MemoryCluster, running: dict[str, Any]) -> None:
    cluster.add(running)
    assert len(await migrate(cluster, TEAM)) == 2


def test_every_kind_of_flux_has_its_controller() -> None:
    assert {controller_of(kind) for kind in FLUX_KINDS} >= {
        "source-controller",
        "kustomize-controller",
        "image-reflector-controller",
        "image-automation-controller",
    }


def test_lists_bring_what_is_sluices_to_act_on() -> None:
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    wrote = [{"manager": "kustomize-controller", "operation": "Update", "time": moment, "subresource": "status"}]
    items = [
        flux_object(KUSTOMIZATION, "mine", labels={"team": "a"}),
        flux_object(KUSTOMIZATION, "unselected", labels={"team": "b"}),
        flux_object(KUSTOMIZATION, "fluxs", labels={"team": "a"}, managedFields=wrote),
    ]
    given = GivenToSluice(selector("team=a"))
    assert [each["metadata"]["name"] for each in given(KUSTOMIZATION, items)] == ["mine"]
    assert given(DEPLOYMENT, items) == items
