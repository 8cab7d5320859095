"""What a process remembers of things that come and go is bounded, or goes with them: a year of it has one size."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from blocks.kubernetes import informer as informers_block
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.follow import News
from blocks.kubernetes.informer import Informer
from blocks.kubernetes.kinds import CANARY, GIT_REPOSITORY
from blocks.leases import worker as leases_block
from blocks.leases.worker import WorkerLease, Workers
from blocks.metrics import providers as providers_block
from blocks.metrics.providers import Providers
from deployments.watchers.announcer import Announcer
from deployments.watchers.sources import SourceWatcher
from deployments.watchers.targets import Watcher
from tasks.upkeep import pace as pace_block
from tasks.upkeep.pace import Pace
from tests.memory_cluster import MemoryCluster
from tests.samples import NAME, NAMESPACE, canary_manifest, deployment

Object = dict[str, Any]
MANY = 50


def pod(number: int) -> Object:
    return {"metadata": {"name": f"pod-{number}", "namespace": "test", "resourceVersion": str(number + 1)}}


def test_an_informer_forgets_what_was_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each release has pods of its own names; late reads of the last ones still do not bring them back."""
    monkeypatch.setattr(informers_block, "GONE", 10)
    informer = Informer()
    informer.update(News([], whole=True))
    for number in range(MANY):
        informer.update(News([pod(number)]))
        informer.update(News([pod(number)], gone=True))
    assert len(informer._gone) == 10
    informer.learn(pod(MANY - 1))
    assert informer.objects == {}


async def test_addresses_of_metrics_servers_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifests come and go, and each may name another."""
    monkeypatch.setattr(providers_block, "MOST", 10)
    async with httpx.AsyncClient() as http:
        providers = Providers(http)
        for number in range(MANY):
            providers.values("prometheus", f"http://prometheus-{number}")
        assert len(providers._known) == 10


async def test_leases_of_other_workers_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each life of a worker has a Lease of its own, which another one may bury."""
    monkeypatch.setattr(leases_block, "REMEMBERED", 10)
    cluster: Any = MemoryCluster()
    workers = Workers(cluster)
    for number in range(MANY):
        other = WorkerLease(cluster, "test", f"host-{number}/1/1.life/worker")
        await other.renew()
        await workers.dead()
        await other.give_up()
    assert len(workers._seen) == 10


def test_a_pace_forgets_objects_that_went(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are there are set again at each of their intervals."""
    monkeypatch.setattr(pace_block, "MOST", 10)
    now = [0.0]
    pace = Pace(clock=lambda: now[0])
    for number in range(MANY):
        now[0] += 60
        assert pace.due("stays", 60.0)
        assert pace.due(str(number), 60.0)
    assert len(pace._last) == 10
    assert not pace.due("stays", 60.0)


async def test_watchers_forget_what_they_announced_of_objects_that_went() -> None:
    """A namespace for each pull request is a Canary for each pull request."""

    async def taken(_: Any) -> int:
        return 0

    cluster: Any = MemoryCluster()
    announcer = Announcer(taken)
    watcher, sources = Watcher(cluster, announcer), SourceWatcher(cluster, announcer)
    deployments = Kind("apps/v1", "Deployment", "deployments")
    for number in range(MANY):
        canary = canary_manifest()
        canary["metadata"]["uid"] = f"uid-{number}"
        target = deployment()
        target["metadata"] |= {"generation": 1, "uid": f"t-{number}"}
        source = {
            "metadata": {"name": "app", "namespace": "team", "generation": 1, "uid": f"s-{number}"},
            "spec": {"url": "https://git.example/app", "ref": {"branch": "main"}},
        }
        for kind, item in ((deployments, target), (CANARY, canary)):
            for key in watcher.update(kind, News([item])):
                watcher.event_for(key)
        assert sources.update(GIT_REPOSITORY, News([source]))
        assert watcher.announced
        for kind, item in ((CANARY, canary), (deployments, target)):
            watcher.update(kind, News([item], gone=True))
        sources.update(GIT_REPOSITORY, News([source], gone=True))
    assert (NAMESPACE, NAME) not in watcher.announced
    assert watcher.announced == {}
    assert sources.announced == {}


async def test_a_list_that_lacks_them_lets_go_of_them_too() -> None:
    """Their deletion came while nobody watched."""

    async def taken(_: Any) -> int:
        return 0

    cluster: Any = MemoryCluster()
    sources = SourceWatcher(cluster, Announcer(taken))
    for number in range(MANY):
        source = {
            "metadata": {"name": f"app-{number}", "namespace": "team", "generation": 1, "uid": f"s-{number}"},
            "spec": {"url": "https://git.example/app", "ref": {"branch": "main"}},
        }
        assert sources.update(GIT_REPOSITORY, News([source], whole=True))
    assert len(sources.announced) == 1
