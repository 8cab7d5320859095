"""The look at sources whose interval is over: what moved is found, one that is odd stops no other and says why."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blocks.git.mirrors import Git
from sluice.manifests.flux.git_repository import GitRepository
from tasks.sync import find_moved_sources as sut
from tasks.sync.fetch_source import fetch_source
from tasks.upkeep.pace import Pace
from tests.blocks.git.git_server import GitServer, Repository, git
from tests.connected import connected
from tests.memory_cluster import MemoryCluster


@dataclass
class World:
    """A git server, and a cluster with sources of `team`, whose intervals are always over."""

    cluster: MemoryCluster
    server: GitServer

    def repository(self, name: str, **spec: Any) -> Repository:
        self.source("GitRepository", name, url=f"{self.server.url}/{name}.git", **{"ref": {"branch": "main"}, **spec})
        return Repository(self.server.root / f"{name}.git")

    def source(self, kind: str, name: str, **spec: Any) -> None:
        meta = {"name": name, "namespace": "team", "generation": 1, "uid": f"{len(self.cluster.objects):08x}"}
        self.cluster.add({"kind": kind, "metadata": meta, "spec": spec})

    async def found(self) -> list[tuple[str, str]]:
        """Repository and reference of each event."""
        events = await sut.find_moved_sources.fn()
        return sorted((one.url.rpartition("/")[2], one.ref) for one in events)

    def ready(self, kind: str, name: str) -> tuple[str, str]:
        conditions = self.cluster.now(kind, name, "team").get("status", {}).get("conditions", [])
        return next(((one["status"], one["message"]) for one in conditions if one["type"] == "Ready"), ("", ""))


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    (tmp_path / "served").mkdir()
    monkeypatch.setattr(sut, "pace", Pace(clock=iter(range(0, 10**9, 10**5)).__next__))
    monkeypatch.setattr(sut, "resting", {})
    server, cluster = GitServer(tmp_path / "served"), MemoryCluster()
    async with connected(cluster, router=None, metrics=None, gates=None, git=Git(tmp_path / "home")):
        yield World(cluster, server)
    server.close()


async def test_what_moved_is_found_until_it_was_fetched(world: World) -> None:
    """A branch and a new tag of a range, each by its own reference."""
    app, lib = world.repository("app"), world.repository("lib", ref={"semver": "1.x"})
    app.write({"a": "1"})
    git("tag", "v1.0.0", lib.write({"a": "1"}), folder=lib.folder)
    both = [("app.git", "main"), ("lib.git", "refs/tags/*")]
    assert await world.found() == both
    for name, ref in both:
        await fetch_source.fn(f"{world.server.url}/{name}", ref)
    assert await world.found() == []
    git("tag", "v1.1.0", lib.write({"a": "2"}), folder=lib.folder)
    assert await world.found() == both[1:]


async def test_a_pushed_tag_moves_the_sources_that_follow_tags(world: World) -> None:
    """Named as a webhook names it; a branch of that repository is not moved by it."""
    lib = world.repository("lib", ref={"semver": "1.x"})
    world.source("GitRepository", "branch", url=f"{world.server.url}/lib.git", ref={"branch": "main"})
    world.source("GitRepository", "pinned", url=f"{world.server.url}/lib.git", ref={"tag": "v1.0.0"})
    commit = lib.write({"a": "1"})
    git("tag", "v1.0.0", commit, folder=lib.folder)
    git("tag", "v1.1.0", commit, folder=lib.folder)
    fetched = await fetch_source.fn(f"{world.server.url}/lib.git", "refs/tags/v1.1.0")
    assert [(one.name, one.revision) for one in fetched] == [("lib", f"v1.1.0@sha1:{commit}")]
    fetched = await fetch_source.fn(f"{world.server.url}/lib.git", "refs/tags/v1.0.0")
    assert sorted(one.name for one in fetched) == ["lib", "pinned"]


async def test_one_that_is_odd_stops_no_other_and_says_why(world: World) -> None:
    """A repository, a Secret and a registry that are not there, and a suspended one."""
    world.repository("app").write({"a": "1"})
    world.repository("quiet", suspend=True).write({"a": "1"})
    world.source("GitRepository", "gone", url=f"{world.server.url}/gone.git")
    world.source("GitRepository", "secret", url=f"{world.server.url}/app.git", secretRef={"name": "nobody"})
    world.source("OCIRepository", "registry", url="oci://127.0.0.1:9/app", insecure=True, timeout="1s")
    world.source("Bucket", "bucket", endpoint="127.0.0.1:9", bucketName="b", insecure=True, timeout="1s")
    assert await world.found() == [("app.git", "main")]
    for kind, name, said in (
        ("GitRepository", "gone", "not found"),
        ("GitRepository", "secret", "team/nobody"),
        ("OCIRepository", "registry", "no artifacts connection"),
        ("Bucket", "bucket", "does not answer"),
    ):
        assert world.ready(kind, name)[0] == "False", name
        assert said in world.ready(kind, name)[1], name
    assert world.ready("GitRepository", "quiet") == ("", "")


async def test_a_branch_that_was_deleted_is_said_at_the_interval_and_comes_back(world: World) -> None:
    """No webhook reports it; what was fetched stays, and the end of it is found though the revision has not changed."""
    app = world.repository("app")
    commit = app.write({"a": "1"})
    await fetch_source.fn(f"{world.server.url}/app.git", "main")
    git("update-ref", "-d", "refs/heads/main", folder=app.folder)
    assert await world.found() == []
    assert world.ready("GitRepository", "app")[0] == "False"
    assert world.cluster.now("GitRepository", "app", "team")["status"]["artifact"]["revision"].endswith(commit)
    git("update-ref", "refs/heads/main", commit, folder=app.folder)
    assert await world.found() == [("app.git", "main")]
    await fetch_source.fn(f"{world.server.url}/app.git", "main")
    assert world.ready("GitRepository", "app")[0] == "True"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_has_too_much_is_left_alone(world: World, status: int) -> None:
    """One question, not one for each of its repositories; the others' servers are asked as before."""
    for number in range(12):
        world.repository(f"app-{number}").write({"a": "1"})
    world.server.status = status
    assert await world.found() == []
    asked = len(world.server.seen)
    assert 0 < asked <= 2 * sut.AT_ONE_HOST
    assert await world.found() == []
    assert len(world.server.seen) == asked
    sut.resting.clear()
    world.server.status = 0
    assert len(await world.found()) == 12


def test_what_came_to_nothing_is_found_again_in_the_next_span() -> None:
    """An event's id that was used would keep it from being tried for ever; within a span it is one event."""
    meta = {"name": "app", "namespace": "team", "uid": "1a2b3c4d"}
    source = GitRepository.parse({"metadata": meta, "spec": {"url": "https://git.example/app", "interval": "5m"}})
    now = time.time()
    ids = [sut.moved_to(source, "main@sha1:c", now + later).id for later in (0.0, 300.0, 600.0)]  # type: ignore[union-attr]
    assert len(set(ids)) == 3
    start = (now // 300) * 300 - int("1a2b3c4d", 16) % 300
    same = {sut.moved_to(source, "main@sha1:c", start + later).id for later in (1.0, 299.0)}  # type: ignore[union-attr]
    assert len(same) == 1
