"""The contract of what follows a source, over the table."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.sync.fetch_source import Fetched
from tasks.sync.find_due import find_due
from tasks.sync.followers.base import named
from tasks.sync.followers.table import FOLLOWERS
from tests.connected import connected
from tests.memory_cluster import MemoryCluster

SOURCE = Fetched(namespace="team", name="app", commit="c", revision="main@sha1:c")
META = {"name": "app", "namespace": "team", "generation": 1, "uid": "1"}
OF_GIT = {"kind": "GitRepository", "name": "app"}
FOLLOWED: dict[str, dict[str, Any]] = {
    "Kustomization": {"sourceRef": OF_GIT, "prune": True},
    "HelmRelease": {"interval": "1m", "chart": {"spec": {"chart": "./charts/app", "sourceRef": OF_GIT}}},
}
"""A spec of each kind that follows the source: a new row brings its own."""


def cluster_with(kind: str, name: str = "app", **more: Any) -> MemoryCluster:
    cluster = MemoryCluster()
    cluster.add({"kind": kind, "metadata": META | {"name": name}, "spec": FOLLOWED[kind] | more, "status": {}})
    return cluster


async def due(cluster: MemoryCluster, *reapply: str) -> list[Any]:
    async with connected(cluster, router=None, metrics=None, gates=None):
        return await find_due.fn([SOURCE], list(reapply))


@pytest.mark.parametrize("kind", FOLLOWERS)
async def test_one_that_was_never_synced_is_due_under_its_name(kind: str) -> None:
    """Which is how events ask for it, too."""
    (one,) = await due(cluster_with(kind))
    assert (one.kind, str(one), one.reapply) == (kind, named(kind, "team", "app"), False)
    assert one.manifest == f"{kind} team/app"
    (asked,) = await due(cluster_with(kind), str(one))
    assert asked.reapply


@pytest.mark.parametrize("kind", FOLLOWERS)
async def test_one_that_is_suspended_is_not_due(kind: str) -> None:
    """Not even where it was asked for."""
    assert await due(cluster_with(kind, suspend=True), named(kind, "team", "app")) == []


@pytest.mark.parametrize("kind", FOLLOWERS)
async def test_one_of_another_source_is_not_due(kind: str) -> None:
    """A push to this source is no business of it."""
    async with connected(cluster_with(kind), router=None, metrics=None, gates=None):
        elsewhere = SOURCE.model_copy(update={"namespace": "other"})
        assert await find_due.fn([elsewhere]) == []


def test_each_row_is_named_by_its_kind() -> None:
    """And has a sample above."""
    assert {kind: one.kind for kind, one in FOLLOWERS.items()} == {kind: kind for kind in FOLLOWED}
