"""A Kustomization whose source nobody here fetches says so on itself, with the way out; silence would look like success."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.kubernetes.beside_flux import GivenToSluice
from sluice.manifests.selector import selector
from tasks.sync.find_moved_sources import find_moved_sources
from tests.connected import connected
from tests.memory_cluster import MemoryCluster

Object = dict[str, Any]
MADE = {"creationTimestamp": "2026-01-01T00:00:00Z"}
OURS = {"sharding.fluxcd.io/key": "sluice"}


@pytest.fixture
async def cluster() -> AsyncIterator[MemoryCluster]:
    made = MemoryCluster()
    made.given = GivenToSluice()
    async with connected(made, router=None, metrics=None, gates=None):
        yield made


def add(cluster: MemoryCluster, kind: str, name: str, namespace: str, spec: Object, **meta: Any) -> None:
    named = {
        "name": name,
        "namespace": namespace,
        "uid": f"{kind}-{name}",
        "generation": 1,
        "labels": OURS,
        **MADE,
        **meta,
    }
    cluster.add({"kind": kind, "metadata": named, "spec": spec, "status": {}})


def follower(cluster: MemoryCluster, **spec: Any) -> None:
    reference = {"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"}
    add(cluster, "Kustomization", "app", "team", {"sourceRef": reference, "prune": True, **spec})


def source(cluster: MemoryCluster, ago: float = 0.0, **meta: Any) -> None:
    """A source whose status Flux's controller wrote so long ago."""
    moment = (datetime.fromtimestamp(time.time(), UTC) - timedelta(seconds=ago)).isoformat()
    written = [{"manager": "source-controller", "subresource": "status", "time": moment}]
    spec = {"url": "https://git.invalid/fleet", "interval": "1m", "suspend": True}
    add(cluster, "GitRepository", "fleet", "flux-system", spec, managedFields=written, **meta)


def ready(cluster: MemoryCluster) -> tuple[str, str, str]:
    status = cluster.now("Kustomization", "app", "team").get("status") or {}
    found = [one for one in status.get("conditions", []) if one["type"] == "Ready"]
    return (found[0]["status"], found[0]["reason"], found[0]["message"]) if found else ("", "", "")


def events(cluster: MemoryCluster) -> list[str]:
    return [one["message"] for (kind, *_), one in cluster.objects.items() if kind == "Event"]


async def test_a_source_that_is_left_to_flux_is_named_with_the_way_out(cluster: MemoryCluster) -> None:
    """As a condition and one Event, written once; `sluice migrate flux` of its namespace is the way."""
    source(cluster)
    follower(cluster)
    await find_moved_sources.fn()
    status, reason, message = ready(cluster)
    assert (status, reason) == ("False", "ArtifactFailed")
    assert "GitRepository flux-system/fleet is left to Flux" in message
    assert "`sluice migrate flux flux-system`" in message
    assert "spec.sourceRef" in message
    assert events(cluster) == [message]
    version = cluster.version
    await find_moved_sources.fn()
    assert (cluster.version, len(events(cluster))) == (version, 1)


async def test_a_source_without_the_selected_labels_says_which_setting_leaves_it_out(cluster: MemoryCluster) -> None:
    """The Kustomization has the label, its source does not."""
    cluster.given = GivenToSluice(selector("sharding.fluxcd.io/key=sluice"))
    source(cluster, ago=7200, labels={})
    follower(cluster)
    await find_moved_sources.fn()
    assert "GitRepository flux-system/fleet does not have the labels of SLUICE_FLUX_SELECTOR" in ready(cluster)[2]


async def test_a_source_of_a_namespace_that_nobody_looks_after_says_which_setting(cluster: MemoryCluster) -> None:
    """It is not asked for: the rights may end at the namespaces too."""
    cluster.namespaces = ("team",)
    source(cluster, ago=7200)
    follower(cluster)
    await find_moved_sources.fn()
    assert "namespace flux-system is not among SLUICE_NAMESPACES" in ready(cluster)[2]


async def test_a_source_that_is_not_there_or_not_valid_is_named(cluster: MemoryCluster) -> None:
    """And what is put right later is synced as any new source."""
    follower(cluster)
    await find_moved_sources.fn()
    assert ready(cluster)[2].startswith("GitRepository flux-system/fleet is not there")
    add(cluster, "GitRepository", "fleet", "flux-system", {"url": 7})
    await find_moved_sources.fn()
    assert "GitRepository flux-system/fleet" in ready(cluster)[2]
    assert "spec.url" in ready(cluster)[2]
    assert len(events(cluster)) == 2


@pytest.mark.parametrize("spec", [{"suspend": True}, {}], ids=["itself suspended", "its source suspended"])
async def test_what_rests_on_purpose_says_nothing(cluster: MemoryCluster, spec: Object) -> None:
    """A suspended source stays at its revision for all that follows it."""
    source(cluster, ago=7200)
    follower(cluster, **spec)
    await find_moved_sources.fn()
    assert ready(cluster) == ("", "", "")
    assert events(cluster) == []


async def test_one_that_flux_itself_syncs_keeps_its_status(cluster: MemoryCluster) -> None:
    """Its source is Flux's, and so is it."""
    source(cluster)
    moment = datetime.fromtimestamp(time.time(), UTC).isoformat()
    written = [{"manager": "kustomize-controller", "subresource": "status", "time": moment}]
    follower(cluster)
    cluster.objects["Kustomization", "team", "app"]["metadata"]["managedFields"] = written
    await find_moved_sources.fn()
    assert ready(cluster) == ("", "", "")


@pytest.mark.parametrize("ago", [0.0, None], ids=["made just now", "nobody knows when"])
async def test_one_that_was_made_just_now_says_nothing_yet(cluster: MemoryCluster, ago: float | None) -> None:
    """Its source may be applied a little later; or Flux acts on both, and has not come to it yet."""
    follower(cluster)
    meta = cluster.objects["Kustomization", "team", "app"]["metadata"]
    meta.pop("creationTimestamp")
    if ago is not None:
        meta["creationTimestamp"] = datetime.fromtimestamp(time.time() - ago, UTC).isoformat()
    await find_moved_sources.fn()
    assert ready(cluster) == ("", "", "")
