"""Several clusters: one source, each cluster by its kubeConfig, and the next one when the first has released."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from blocks.kubernetes.tenants import Tenants
from sluice.errors import TerminalError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flux.kube_config import KubeConfigReference
from sluice.rollout.workloads import WORKLOADS
from sluice.sync.health.base import State
from sluice.sync.kustomizations import releases
from tests.applying_cluster import ApplyingCluster
from tests.samples import NAME, NAMESPACE, canary_manifest, workload
from tests.tasks.sync.delivered import Delivered, config, delivering

Object = dict[str, Any]
RELEASE = [{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": NAME, "namespace": NAMESPACE}]


class Regions(Tenants):
    """Clusters in memory, by the name of the Secret with their kubeconfig."""

    def __init__(self) -> None:
        super().__init__()
        self.clusters = {"east": ApplyingCluster(), "west": ApplyingCluster()}

    @asynccontextmanager
    async def elsewhere(self, home: Any, namespace: str, wanted: KubeConfigReference) -> AsyncIterator[Any]:
        assert wanted.secret_ref is not None
        yield self.clusters[wanted.secret_ref.name]


@pytest.fixture
def regions() -> Regions:
    return Regions()


@pytest.fixture
async def git(regions: Regions) -> AsyncIterator[Delivered]:
    async with delivering(tenants=regions) as world:
        for name, after in (("east", []), ("west", [{"name": "east"}])):
            where = {"kubeConfig": {"secretRef": {"name": name}}}
            world.kustomization(name, dependsOn=after, healthChecks=RELEASE, interval="1m", timeout="30s", **where)
        yield world


def commit(git: Delivered, version: str) -> None:
    target = workload("Deployment", f"registry/shop:{version}")
    target.pop("status", None)
    target["metadata"] = {"name": NAME, "namespace": NAMESPACE}
    canary = canary_manifest()
    canary["metadata"] = {"name": NAME, "namespace": NAMESPACE}
    git.commit(canary, target)


def released(cluster: ApplyingCluster, phase: str) -> None:
    """What the controller of a cluster writes: the release of what the target holds now is there."""
    canary = cluster.now("Canary", NAME, NAMESPACE)
    revision = WORKLOADS["Deployment"].revision(Canary.parse(canary), cluster.now("Deployment", NAME, NAMESPACE))
    conditions = [{"type": "Promoted", "status": "False", "reason": phase, "message": "p99 too high"}]
    canary["status"] = {"phase": phase, "lastAppliedSpec": revision, "conditions": conditions}


async def waiting(git: Delivered, name: str) -> asyncio.Task[str]:
    """A sync that has applied, and waits for a release."""
    task = asyncio.create_task(git.sync(name))
    while "health checks" not in git.condition("Reconciling", name)[2]:
        assert not task.done(), task.result()
        await asyncio.sleep(0)
    return task


def image(cluster: ApplyingCluster) -> str:
    target = cluster.now("Deployment", NAME, NAMESPACE)
    return str(target["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_the_second_region_waits_for_the_release_in_the_first(git: Delivered, regions: Regions) -> None:
    """From empty clusters on: applied is not released, and what it said of the last release does not count."""
    east, west = regions.clusters["east"], regions.clusters["west"]
    for version, end in (("1.0.0", "Initialized"), ("2.0.0", "Succeeded")):
        commit(git, version)
        first = await waiting(git, "east")
        assert image(east) == f"registry/shop:{version}"
        assert "waits: dependency 'team/east'" in await git.sync("west")
        released(east, "Progressing")
        await asyncio.sleep(0)
        assert not first.done()
        released(east, end)
        assert "2 applied" in await first
        assert git.condition(name="east")[0] == "True"
        second = await waiting(git, "west")
        released(west, end)
        assert "2 applied" in await second
        assert image(west) == f"registry/shop:{version}"


async def test_a_release_that_is_rolled_back_stops_before_the_next_region(git: Delivered, regions: Regions) -> None:
    """The Kustomization says why, in the Canary's own words; the next region never sees the version."""
    commit(git, "1.0.0")
    for name in ("east", "west"):
        sync = await waiting(git, name)
        released(regions.clusters[name], "Initialized")
        await sync
    commit(git, "2.0.0")
    first = await waiting(git, "east")
    released(regions.clusters["east"], "Failed")
    with pytest.raises(TerminalError, match=r"Canary shop-test/shop status: 'Failed' \(p99 too high\)"):
        await first
    assert git.condition(name="east")[:2] == ("False", "HealthCheckFailed")
    assert "waits: dependency 'team/east'" in await git.sync("west")
    assert image(regions.clusters["west"]) == "registry/shop:1.0.0"


async def test_a_region_is_ready_again_when_git_is_back_at_what_it_runs(git: Delivered, regions: Regions) -> None:
    """No release comes of it, for the primary never ran anything else: nothing would ever be written that ends a wait."""
    east = regions.clusters["east"]
    commit(git, "1.0.0")
    first = await waiting(git, "east")
    released(east, "Initialized")
    await first
    promoted = east.now("Canary", NAME, NAMESPACE)["status"]["lastAppliedSpec"]
    commit(git, "2.0.0")
    first = await waiting(git, "east")
    released(east, "Failed")
    with pytest.raises(TerminalError, match="Failed"):
        await first
    east.now("Canary", NAME, NAMESPACE)["status"]["lastPromotedSpec"] = promoted
    commit(git, "1.0.0")
    assert "2 applied" in await git.sync("east")
    assert git.condition(name="east")[:2] == ("True", "ReconciliationSucceeded")


def test_a_canary_that_is_suspended_is_named_as_what_holds_the_region() -> None:
    """Nobody begins a release for it: people read why the next region waits."""
    status = {"phase": "Succeeded", "lastAppliedSpec": "one", "lastPromotedSpec": "one"}
    assert releases.released(canary_manifest({"suspend": True}, status), "one").state is State.CURRENT
    held = releases.released(canary_manifest({"suspend": True}, status), "two")
    assert held.state is State.IN_PROGRESS
    assert held.why.endswith("no release has begun for yet: the Canary is suspended (spec.suspend)")


async def test_with_wait_a_canary_counts_as_in_flux(git: Delivered, regions: Regions) -> None:
    """It has no Ready condition, so it is ready as soon as it is there: only a Canary that is named is waited for."""
    git.kustomization("all", kubeConfig={"secretRef": {"name": "east"}}, wait=True, timeout="30s")
    commit(git, "1.0.0")
    regions.clusters["east"].objects.clear()
    task = await waiting(git, "all")
    target = regions.clusters["east"].now("Deployment", NAME, NAMESPACE)
    pods = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    seen = {"observedGeneration": target["metadata"].get("generation", 1)}
    target["status"] = dict.fromkeys(pods, target["spec"].get("replicas", 1)) | seen
    assert "2 applied" in await task


async def test_with_wait_too_a_canary_that_is_named_is_waited_for(git: Delivered, regions: Regions) -> None:
    """Who names it means its release; that `wait` overrides the checks would let the next region go on unseen."""
    east = regions.clusters["east"]
    git.kustomization(
        "east", kubeConfig={"secretRef": {"name": "east"}}, healthChecks=RELEASE, wait=True, timeout="30s"
    )
    commit(git, "1.0.0")
    first = await waiting(git, "east")
    pods = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    target = east.now("Deployment", NAME, NAMESPACE)
    target["status"] = dict.fromkeys(pods, target["spec"].get("replicas", 1)) | {"observedGeneration": 1}
    await asyncio.sleep(0.4)
    assert not first.done()
    assert "waits: dependency 'team/east'" in await git.sync("west")
    released(east, "Initialized")
    assert "2 applied" in await first


async def test_a_kustomization_that_is_moved_to_another_cluster_deletes_nothing(
    git: Delivered, regions: Regions
) -> None:
    """As in Flux: what it applied in the first one serves until a person deletes it, also what left git in that commit."""
    git.kustomization("all")
    git.commit(config("kept"), config("leaves"))
    assert "2 applied" in await git.sync("all")
    git.kustomization("all", kubeConfig={"secretRef": {"name": "west"}})
    git.commit(config("kept"))
    assert "1 applied, 0 pruned" in await git.sync("all")
    assert set(git.there()) == {"kept", "leaves"}
    assert ("ConfigMap", "team", "kept") in regions.clusters["west"].objects
