"""Of a new commit only what changed is written: the rest is shared with the commit that was laid out before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blocks.git.mirrors import Git
from blocks.sources.table import source_for
from sluice.errors import InvalidError
from sluice.manifests.references import SourceKey
from tests.blocks.git.git_server import WHO, GitServer, Repository, git
from tests.blocks.sources.test_git_source import World
from tests.connected import connected
from tests.memory_cluster import MemoryCluster


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "served").mkdir()
    server, cluster = GitServer(tmp_path / "served"), MemoryCluster()
    async with connected(cluster, router=None, metrics=None, gates=None, git=Git(tmp_path / "home")) as wired:
        yield World(wired, cluster, server)
    server.close()


async def tree(world: World, name: str = "shop") -> Path:
    source = await source_for(world.wired, SourceKey("GitRepository", "team", name))
    return await source.tree(await source.latest())


async def test_only_what_changed_is_written(world: World) -> None:
    """The older revision keeps its own content; an executable is no shared plain file."""
    shop = world.repository("shop")
    shop.write({"apps/a.yaml": "1", "apps/deep/b.yaml": "1", "run": "x"})
    first = await tree(world)
    shop.write({"apps/a.yaml": "2", "c.yaml": "1"})
    run = git("rev-parse", "main:run", folder=shop.folder)
    listed = git("ls-tree", "main", folder=shop.folder).replace(f"100644 blob {run}\trun", f"100755 blob {run}\trun")
    made = git("mktree", folder=shop.folder, stdin=f"{listed}\n".encode())
    commit = git(*WHO, "commit-tree", made, "-m", "x", "-p", "main", folder=shop.folder)
    git("update-ref", "refs/heads/main", commit, folder=shop.folder)
    second = await tree(world)
    same = {str(one.relative_to(second)) for one in second.rglob("*") if one.is_file() and one.stat().st_nlink > 1}
    assert same == {"apps/deep/b.yaml"}
    assert (first / "apps/a.yaml").read_text() == "1"
    assert (second / "apps/a.yaml").read_text() == "2"
    assert [oct((one / "run").stat().st_mode & 0o100) for one in (first, second)] == ["0o0", "0o100"]


async def test_what_was_put_over_the_files_of_a_repository_is_not_shared(world: World) -> None:
    """The same repository without what another source includes has its own content."""
    world.repository("parts").write({"a.yaml": "theirs"})
    shop = world.repository("shop", include=[{"repository": {"name": "parts"}, "toPath": "."}])
    world.object("plain", f"{world.server.url}/shop.git")
    shop.write({"a.yaml": "own", "b.yaml": "1"})
    assert ((await tree(world)) / "a.yaml").read_text() == "theirs"
    assert ((await tree(world, "plain")) / "a.yaml").read_text() == "own"


async def test_a_revision_that_is_gone_is_no_reason_to_fail(world: World) -> None:
    """sluice's home may be deleted at any time."""
    shop = world.repository("shop")
    shop.write({"a.yaml": "1", "b.yaml": "1"})
    (await tree(world) / "a.yaml").unlink()
    shop.write({"b.yaml": "2"})
    assert {one.name: one.read_text() for one in (await tree(world)).iterdir()} == {"a.yaml": "1", "b.yaml": "2"}


async def test_a_file_that_is_there_twice_does_not_write_into_another_revision(world: World) -> None:
    """A crafted tree may name a path twice: the second must not go through what is shared."""
    shop: Repository = world.repository("shop")
    shop.write({"a.yaml": "1"})
    first = await tree(world)
    other = git("hash-object", "-w", "--stdin", folder=shop.folder, stdin=b"evil")
    own = git("rev-parse", "main:a.yaml", folder=shop.folder)
    rows = b"".join(b"100644 a.yaml\0" + bytes.fromhex(blob) for blob in (own, other))
    made = git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", folder=shop.folder, stdin=rows)
    commit = git(*WHO, "commit-tree", made, "-m", "x", "-p", "main", folder=shop.folder)
    git("update-ref", "refs/heads/main", commit, folder=shop.folder)
    with pytest.raises(InvalidError, match=r"a\.yaml is there twice"):
        await tree(world)
    assert (first / "a.yaml").read_text() == "1"
