"""Chart repositories are looked at at their interval, say what they have, and wake the releases that follow them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blocks.connections import connections
from blocks.helm.program import Helm
from blocks.kubernetes.kinds import HELM_REPOSITORY
from sluice.errors import NotFoundError
from sluice.events.model import SourceChanged
from sluice.helm.charts.status import unpulled
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.manifests.flux.helm.release import HelmRelease
from tasks.helm.chart import chart_of
from tasks.helm.finding import find_moved_repositories as sut
from tasks.helm.finding.find_due_releases import find_due_releases
from tasks.upkeep.pace import Pace
from tests.blocks.charts.repository_server import Repository, packed, serving
from tests.connected import connected
from tests.memory_cluster import MemoryCluster

META = {"namespace": "team", "generation": 1, "uid": "0a"}
CHART = {"chart": "shop", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}


def cluster_of(url: str, **chart_status: Any) -> MemoryCluster:
    """A repository, a release of it, and the HelmChart between them."""
    cluster = MemoryCluster()
    cluster.add(
        {"kind": "HelmRepository", "metadata": META | {"name": "charts"}, "spec": {"url": url, "interval": "1m"}}
    )
    spec = {"interval": "10m", "chart": {"spec": CHART}}
    cluster.add({"kind": "HelmRelease", "metadata": META | {"name": "shop"}, "spec": spec, "status": {}})
    cluster.add({"kind": "HelmChart", "metadata": META | {"name": "team-shop"}, "spec": CHART, "status": chart_status})
    return cluster


async def looked(cluster: MemoryCluster, home: Path) -> list[SourceChanged]:
    sut.pace = Pace()
    async with connected(cluster, router=None, metrics=None, gates=None, helm=Helm(home)):
        return await sut.find_moved_repositories.fn()


async def ready(cluster: MemoryCluster) -> tuple[str, str]:
    conditions = (await cluster.get(HELM_REPOSITORY, "charts", "team"))["status"]["conditions"]
    return next((one["status"], one["message"]) for one in conditions if one["type"] == "Ready")


async def test_an_index_that_moved_calls_for_the_releases_that_follow_it(tmp_path: Path) -> None:
    async with serving(Repository({"1.0.0": packed("1.0.0")})) as repository:
        cluster = cluster_of(repository.url, observedSourceArtifactRevision="sha256:before")
        (event,) = await looked(cluster, tmp_path)
        assert event.reapply == "HelmRelease/team/shop"
        revision = (await cluster.get(HELM_REPOSITORY, "charts", "team"))["status"]["artifact"]["revision"]
        assert await ready(cluster) == ("True", f"stored artifact for revision '{revision}'")
        assert await looked(cluster_of(repository.url, observedSourceArtifactRevision=revision), tmp_path) == []


async def test_a_repository_that_is_away_says_so_and_wakes_nobody(tmp_path: Path) -> None:
    async with serving(Repository(status=500)) as repository:
        cluster = cluster_of(repository.url)
        assert await looked(cluster, tmp_path) == []
        status, message = await ready(cluster)
    assert status == "False"
    assert "answered 500" in message


async def test_a_registry_is_not_asked_for_an_index(tmp_path: Path) -> None:
    cluster = cluster_of("oci://127.0.0.1:1/charts")
    assert await looked(cluster, tmp_path) == []


async def test_each_release_is_looked_at_once_in_a_span_of_time() -> None:
    cluster = cluster_of("https://charts.test")
    async with connected(cluster, router=None, metrics=None, gates=None):
        first, second = await find_due_releases.fn(), await find_due_releases.fn()
    assert [one.id for one in first] == [one.id for one in second]
    assert first[0].reapply == "HelmRelease/team/shop"


async def test_one_that_is_suspended_rests_and_one_that_was_deleted_does_not() -> None:
    for meta, spec, due in (
        ({}, {"suspend": True}, 0),
        ({"deletionTimestamp": "2026-11-27T10:00:00Z", "finalizers": ["finalizers.fluxcd.io"]}, {"suspend": True}, 1),
        ({"deletionTimestamp": "2026-11-27T10:00:00Z"}, {}, 0),
    ):
        cluster = MemoryCluster()
        whole = {"interval": "10m", "chart": {"spec": CHART}, **spec}
        cluster.add({"kind": "HelmRelease", "metadata": META | {"name": "shop"} | meta, "spec": whole, "status": {}})
        async with connected(cluster, router=None, metrics=None, gates=None):
            assert len(await find_due_releases.fn()) == due


async def test_a_repository_that_was_changed_is_looked_at_before_its_interval_is_over(tmp_path: Path) -> None:
    async with serving(Repository({"1.0.0": packed("1.0.0")})) as repository:
        cluster = cluster_of(repository.url)
        await looked(cluster, tmp_path)
        item = cluster.now("HelmRepository", "charts", "team")
        changed = {**item, "spec": item["spec"] | {"timeout": "9s"}}
        cluster.add(changed)
        async with connected(cluster, router=None, metrics=None, gates=None, helm=Helm(tmp_path)):
            await sut.find_moved_repositories.fn()
    assert cluster.now("HelmRepository", "charts", "team")["status"]["observedGeneration"] == 2


async def test_a_chart_that_somebody_asks_for_is_looked_at_with_its_release() -> None:
    """Once for each request; `flux reconcile source chart` waits for the answer, which may be that there is none."""
    cluster = cluster_of("https://charts.test")
    item = cluster.now("HelmChart", "team-shop", "team")
    asked = {"annotations": {"reconcile.fluxcd.io/requestedAt": "one"}}
    cluster.add({**item, "metadata": item["metadata"] | asked})
    async with connected(cluster, router=None, metrics=None, gates=None):
        found = await find_due_releases.fn()
    assert [one.reapply for one in found] == ["HelmRelease/team/shop"] * 2
    assert len({one.id for one in found}) == 2
    chart = HelmChart.parse(cluster.now("HelmChart", "team-shop", "team"))
    body = unpulled(chart, NotFoundError("no such chart"), datetime(2026, 11, 27, tzinfo=UTC))
    assert body is not None
    assert body["status"]["lastHandledReconcileAt"] == "one"
    cluster.add({**cluster.now("HelmChart", "team-shop", "team"), **body})
    async with connected(cluster, router=None, metrics=None, gates=None):
        assert len(await find_due_releases.fn()) == 1


async def test_a_suspended_chart_wakes_its_release_neither_for_a_new_index_nor_when_it_is_asked(tmp_path: Path) -> None:
    """It would be looked at again and again, and never come to where its repository is."""
    async with serving(Repository({"1.0.0": packed("1.0.0")})) as repository:
        cluster = cluster_of(repository.url, observedSourceArtifactRevision="sha256:before")
        item = cluster.now("HelmChart", "team-shop", "team")
        asked = {"annotations": {"reconcile.fluxcd.io/requestedAt": "one"}}
        cluster.add({**item, "metadata": item["metadata"] | asked, "spec": item["spec"] | {"suspend": True}})
        assert await looked(cluster, tmp_path) == []
        async with connected(cluster, router=None, metrics=None, gates=None):
            assert len(await find_due_releases.fn()) == 1, "at its interval alone"


async def test_a_release_keeps_the_version_of_its_suspended_chart(tmp_path: Path) -> None:
    """And nothing is written to the HelmChart, as in Flux."""
    async with serving(Repository({"1.0.0": packed("1.0.0")})) as repository:
        cluster = cluster_of(repository.url)
        async with connected(cluster, router=None, metrics=None, gates=None, helm=Helm(tmp_path)):
            release = HelmRelease.parse(cluster.now("HelmRelease", "shop", "team"))
            assert (await chart_of(connections(), release)).version == "1.0.0"
            repository.charts["2.0.0"] = packed("2.0.0")
            item = cluster.now("HelmChart", "team-shop", "team")
            cluster.add({**item, "spec": item["spec"] | {"suspend": True}})
            before = cluster.now("HelmChart", "team-shop", "team")["status"]
            assert (await chart_of(connections(), release)).version == "1.0.0"
            assert cluster.now("HelmChart", "team-shop", "team")["status"] == before
            cluster.add({**item, "spec": item["spec"] | {"suspend": False}})
            assert (await chart_of(connections(), release)).version == "2.0.0"


async def test_one_that_failed_is_tried_at_each_look_whichever_worker_makes_it(tmp_path: Path) -> None:
    """fluxcd/source-controller#1173: a login that comes later is found at once, and not after the interval."""
    async with serving(Repository({"1.0.0": packed("1.0.0")}, status=500)) as repository:
        cluster = cluster_of(repository.url)
        await looked(cluster, tmp_path)
        assert (await ready(cluster))[0] == "False"
        repository.status = 200
        sut.pace = Pace()
        async with connected(cluster, router=None, metrics=None, gates=None, helm=Helm(tmp_path)):
            await sut.find_moved_repositories.fn(time.time() - 1.0)
        assert (await ready(cluster))[0] == "True"
