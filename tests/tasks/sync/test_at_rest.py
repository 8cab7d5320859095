"""At rest an interval costs nothing: who is at what its source is at, and is watched, is not applied once more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from blocks.applied.applied import Applied
from blocks.applied.watches import Watches
from blocks.connections import connections
from sluice.errors import TransientError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.kustomization import Kustomization
from tasks.sync.find_moved_sources import _at_rest
from tests.memory_cluster import CONFIG_MAP
from tests.owning_cluster import OwningCluster
from tests.tasks.sync.delivered import TEAM, Delivered, config, delivering


@pytest.fixture
async def watched() -> AsyncIterator[Delivered]:
    cluster: Any = OwningCluster()
    watches = Watches(cluster)
    watches.only({CONFIG_MAP})
    async with asyncio.timeout(20), delivering(cluster, applied=Applied(watches=watches)) as git:
        while watches.fresh(CONFIG_MAP, TEAM) is None:
            await asyncio.sleep(0.01)
        git.commit(config("a"), config("b"))
        git.kustomization()
        await git.sync()
        yield git
        await watches.close()


def source(git: Delivered) -> GitRepository:
    artifact = {"revision": git.revision, "lastUpdateTime": "2026-11-27T00:00:00Z"}
    meta = {"name": "app", "namespace": TEAM, "uid": "1"}
    return GitRepository.parse({"metadata": meta, "spec": {"url": "https://git/app"}, "status": {"artifact": artifact}})


async def rests(git: Delivered) -> bool:
    await asyncio.sleep(0.05)
    one = Kustomization.parse(git.cluster.now("Kustomization", "app", TEAM))
    return _at_rest(one, source(git))


async def test_what_is_watched_and_as_it_was_applied_is_at_rest(watched: Delivered) -> None:
    """Until somebody changes it, and once more when it is put back."""
    assert await rests(watched)
    watched.cluster.edit("ConfigMap", "a", TEAM, {"data": {"value": "9"}})  # type: ignore[attr-defined]
    assert not await rests(watched)
    await watched.sync(reapply=True)
    assert await rests(watched)


async def test_a_source_that_moved_on_is_not_at_rest(watched: Delivered) -> None:
    """Its event may be lost: it was fetched, and the worker died before it applied it."""
    watched.commit(config("a", "2"))
    assert not await rests(watched)
    await watched.sync()
    assert await rests(watched)
    one = Kustomization.parse(watched.cluster.now("Kustomization", "app", TEAM))
    assert not _at_rest(one, None), "its source is gone"


async def test_a_watch_that_broke_and_a_worker_that_knows_nothing_are_not_at_rest(watched: Delivered) -> None:
    """Then it is looked at as ever."""
    watched.cluster.break_watches(TransientError("away"))  # type: ignore[attr-defined]
    assert not await rests(watched)
    connections().applied = Applied(watches=connections().applied.watches)
    assert not await rests(watched)


@pytest.mark.parametrize(
    "spec",
    [
        {"wait": True},
        {"healthChecks": [{"kind": "Deployment", "name": "a", "apiVersion": "apps/v1"}]},
        {"postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "v"}]}},
        {"decryption": {"provider": "sops"}},
    ],
    ids=lambda spec: next(iter(spec)),
)
async def test_what_hangs_on_more_than_its_source_is_never_at_rest(watched: Delivered, spec: dict[str, Any]) -> None:
    """Its interval may bring something although nothing of it has changed."""
    item = watched.cluster.now("Kustomization", "app", TEAM)
    one = Kustomization.parse({**item, "spec": {**item["spec"], **spec}})
    assert not _at_rest(one, source(watched))


async def test_a_sync_that_failed_is_not_at_rest(watched: Delivered) -> None:
    """It is tried again."""
    watched.commit(broken="no such resource")
    with pytest.raises(Exception, match="no such resource"):
        await watched.sync()
    assert not await rests(watched)
