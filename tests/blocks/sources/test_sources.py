"""What holds for every kind of source: run over the table, each against a real server of its kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from blocks.connections import Connections
from blocks.git.mirrors import Git
from blocks.sources.table import SOURCES, source_for
from sluice.errors import InvalidError, NotFoundError
from sluice.manifests.references import SourceKey
from tests.blocks.git.git_server import GitServer, Repository
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
        async with connected(cluster, router=None, metrics=None, webhooks=None, git=Git(folder / "home")) as wired:
            key = SourceKey("GitRepository", "team", "shop")
            yield World(wired, key, lambda files: f"main@sha1:{repository.write(files)}")
    finally:
        server.close()


WORLDS: dict[str, Callable[[Path], AbstractAsyncContextManager[World]]] = {"GitRepository": git_world}


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
