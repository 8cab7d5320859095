"""What holds for every kind of source: run over the table, each against a real server of its kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest

from blocks.connections import Connections
from blocks.git.mirrors import Git
from blocks.registries.pulls import Puller
from blocks.sources.table import SOURCES, source_for
from sluice.errors import InvalidError, NotFoundError
from sluice.manifests.references import SourceKey
from tests.blocks.git.git_server import GitServer, Repository
from tests.blocks.sources.oci_server import CONTENT, OciServer, archive
from tests.blocks.sources.s3_server import S3Server
from tests.connected import connected
from tests.memory_cluster import MemoryCluster


@dataclass(frozen=True)
class World:
    """A source `team/shop` with its server.

    Attributes:
        publish: puts files where the source gets them from, as its owner does; the revision that this makes.
    """

    wired: Connections
    key: SourceKey
    publish: Callable[[dict[str, str]], str]


@asynccontextmanager
async def git_world(folder: Path) -> AsyncIterator[World]:
    repository, server, cluster = Repository(folder / "shop.git"), GitServer(folder), MemoryCluster()
    meta = {"name": "shop", "namespace": "team"}
    spec = {"url": f"{server.url}/shop.git", "ref": {"branch": "main"}}
    cluster.add({"kind": "GitRepository", "metadata": meta, "spec": spec})
    try:
        async with connected(cluster, router=None, metrics=None, gates=None, git=Git(folder / "home")) as wired:
            key = SourceKey("GitRepository", "team", "shop")
            yield World(wired, key, lambda files: f"main@sha1:{repository.write(files)}")
    finally:
        server.close()


@asynccontextmanager
async def oci_world(folder: Path) -> AsyncIterator[World]:
    server, cluster = OciServer(), MemoryCluster()
    spec = {"url": f"oci://{server.host}/team/shop", "insecure": True}
    cluster.add({"kind": "OCIRepository", "metadata": {"name": "shop", "namespace": "team"}, "spec": spec})
    try:
        async with Puller() as puller:
            parts: dict[str, Any] = {"git": Git(folder / "home"), "artifacts": puller}
            async with connected(cluster, router=None, metrics=None, gates=None, **parts) as wired:
                key = SourceKey("OCIRepository", "team", "shop")

                def publish(files: dict[str, str]) -> str:
                    return f"latest@{server.push('team/shop', 'latest', (CONTENT, archive(files)))}"

                yield World(wired, key, publish)
    finally:
        server.close()


@asynccontextmanager
async def bucket_world(folder: Path) -> AsyncIterator[World]:
    server, cluster = S3Server("apps"), MemoryCluster()
    server.open = True
    spec = {"bucketName": "apps", "endpoint": server.host, "insecure": True}
    cluster.add({"kind": "Bucket", "metadata": {"name": "shop", "namespace": "team"}, "spec": spec})

    def publish(files: dict[str, str]) -> str:
        server.objects = {name: text.encode() for name, text in files.items()}
        lines = "".join(f"{name} {md5(raw).hexdigest()}\n" for name, raw in sorted(server.objects.items()))  # noqa: S324
        return f"sha256:{sha256(lines.encode()).hexdigest()}"

    try:
        async with connected(cluster, router=None, metrics=None, gates=None, git=Git(folder / "home")) as wired:
            yield World(wired, SourceKey("Bucket", "team", "shop"), publish)
    finally:
        server.close()


WORLDS: dict[str, Callable[[Path], AbstractAsyncContextManager[World]]] = {
    "GitRepository": git_world,
    "OCIRepository": oci_world,
    "Bucket": bucket_world,
}


@pytest.fixture(params=SOURCES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with WORLDS[request.param](tmp_path) as made:
        yield made


def test_every_kind_is_tried_here() -> None:
    """A row without a server to try it on would be a promise that nobody checks."""
    assert set(WORLDS) == set(SOURCES)


async def test_the_latest_revision_and_its_files(world: World) -> None:
    """Revisions are written as Flux writes them; the files are those of the revision that was asked for."""
    first = world.publish({"a.yaml": "one", "b/c.yaml": "deep"})
    source = await source_for(world.wired, world.key)
    assert await source.latest() == first
    second = world.publish({"a.yaml": "two"})
    assert await source.look() == second
    assert await source.latest() == second
    assert (await source.tree(second) / "a.yaml").read_text() == "two"
    tree = await source.tree(first)
    assert ((tree / "a.yaml").read_text(), (tree / "b/c.yaml").read_text()) == ("one", "deep")


async def test_a_revision_that_is_not_there_is_not_found(world: World) -> None:
    """Never another one in its place."""
    real = world.publish({"a.yaml": "one"})
    source = await source_for(world.wired, world.key)
    await source.latest()
    with pytest.raises(NotFoundError):
        await source.tree(real.rpartition(":")[0] + ":" + "0" * 40)


async def test_an_object_that_is_not_there_is_not_found(world: World) -> None:
    """The message names it."""
    with pytest.raises(NotFoundError, match="team/other"):
        await source_for(world.wired, world.key._replace(name="other"))


async def test_another_kind_of_the_same_name_is_another_source(world: World) -> None:
    """Refused by name, with the kinds that there are."""
    with pytest.raises(InvalidError, match=rf"spec\.sourceRef\.kind 'Tarball'.*{world.key.kind}"):
        await source_for(world.wired, world.key._replace(kind="Tarball"))


async def test_what_the_status_says_of_a_revision(world: World) -> None:
    """Its digest depends on names and contents alone; its size is that of the files."""
    revision = world.publish({"a.yaml": "one", "b/c.yaml": "deep"})
    source = await source_for(world.wired, world.key)
    fetch = await source.fetched(await source.latest())
    assert (fetch.revision, fetch.size) == (revision, 7)
    content = b"a.yaml\0file 3\0one" + b"b/c.yaml\0file 4\0deep"
    assert fetch.digest == f"sha256:{sha256(content).hexdigest()}"


async def test_a_suspended_source_stays_where_it_was(world: World) -> None:
    """Whatever its server has by now, also for a process that has not fetched it; one that was never fetched is refused."""
    first = world.publish({"a.yaml": "one"})
    cluster: Any = world.wired.cluster
    item = cluster.now(world.key.kind, world.key.name, world.key.namespace)
    stopped = {**item, "spec": {**item["spec"], "suspend": True}}
    cluster.add(stopped)
    with pytest.raises(InvalidError, match="is suspended, and nothing of it was fetched"):
        await (await source_for(world.wired, world.key)).latest()
    artifact = {
        "revision": first,
        "digest": "sha256:0",
        "lastUpdateTime": "2026-11-27T10:00:00Z",
        "path": "",
        "url": "",
    }
    cluster.add({**stopped, "status": {"artifact": artifact}})
    source = await source_for(world.wired, world.key)
    assert await source.latest() == first
    world.publish({"a.yaml": "two"})
    source = await source_for(world.wired, world.key)
    assert (await source.look(), await source.latest()) == (first, first)
    assert (await source.tree(first) / "a.yaml").read_text() == "one"
