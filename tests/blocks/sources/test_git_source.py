"""A GitRepository of the cluster becomes a source: with its own login, or a reason by name."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blocks.connections import Connections
from blocks.git.mirrors import Git
from blocks.sources.git import remote_of
from blocks.sources.table import source_for
from sluice.errors import InvalidError, NotFoundError, SluiceError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.references import SourceKey
from tests.blocks.git.git_server import WHO, GitServer, Repository, git
from tests.connected import connected
from tests.memory_cluster import MemoryCluster


def repository(**spec: Any) -> GitRepository:
    return GitRepository.parse({"metadata": {"name": "app", "namespace": "team"}, "spec": spec})


def secret(name: str, **data: str) -> dict[str, Any]:
    coded = {key.replace("__", "."): base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": "team"}, "data": coded}


@pytest.mark.parametrize("ref", [None, {"name": "login"}], ids=["no secret", "no key in it"])
async def test_ssh_needs_a_key_of_its_own(ref: dict[str, str] | None) -> None:
    """Without one the key that sluice runs with would open repositories to everybody who may write a GitRepository."""
    cluster = MemoryCluster()
    cluster.add(secret("login", username="bot", password="p"))
    source = repository(url="ssh://git@github.com/acme/fleet", **({"secretRef": ref} if ref else {}))
    with pytest.raises(InvalidError, match=r"spec\.secretRef must name a Secret with identity and known_hosts"):
        await remote_of(cluster, source)


@dataclass
class World:
    """A git server and a cluster with GitRepository objects of `team`."""

    wired: Connections
    cluster: MemoryCluster
    server: GitServer

    def repository(self, name: str, **spec: Any) -> Repository:
        """A repository `<name>.git` on the server, and the GitRepository `<name>` that follows its `main`."""
        self.object(name, f"{self.server.url}/{name}.git", **spec)
        return Repository(self.server.root / f"{name}.git")

    def object(self, name: str, url: str, **spec: Any) -> None:
        meta = {"name": name, "namespace": "team", "generation": 1, "uid": name}
        self.cluster.add(
            {"kind": "GitRepository", "metadata": meta, "spec": {"url": url, "ref": {"branch": "main"}, **spec}}
        )

    async def files(self, name: str) -> dict[str, str]:
        """Path → text of what the source brings."""
        source = await source_for(self.wired, SourceKey("GitRepository", "team", name))
        tree = await source.tree(await source.latest())
        return {str(path.relative_to(tree)): path.read_text() for path in tree.rglob("*") if path.is_file()}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "served").mkdir()
    server, cluster = GitServer(tmp_path / "served"), MemoryCluster()
    async with connected(cluster, router=None, metrics=None, gates=None, git=Git(tmp_path / "home")) as wired:
        yield World(wired, cluster, server)
    server.close()


async def test_what_is_ignored_is_not_there(world: World) -> None:
    """By files of the repository and by the manifest; a change of the manifest is another set of files of one commit."""
    shop = world.repository("shop", ignore="!docs/keep.md")
    shop.write({".sourceignore": "*.md\n", "docs/a.md": "a", "docs/keep.md": "k", "app.yaml": "x", ".gitignore": "y"})
    assert set(await world.files("shop")) == {".sourceignore", "docs/keep.md", "app.yaml"}
    world.object("shop", f"{world.server.url}/shop.git", ignore="/docs")
    assert set(await world.files("shop")) == {".sourceignore", "app.yaml"}


async def test_what_is_ignored_is_not_counted(world: World) -> None:
    """A large file that nobody needs is no reason to refuse the rest."""
    shop = world.repository("shop", ignore="*.bin")
    shop.write({"a.yaml": "x", "large.bin": bytes(300 << 20)})
    assert set(await world.files("shop")) == {"a.yaml"}


async def test_only_the_directories_that_are_wanted(world: World) -> None:
    """However they are written; one that is not there is named."""
    shop = world.repository("shop", sparseCheckout=["./apps/a", "infra"])
    shop.write({"apps/a/x": "1", "apps/ab/x": "2", "infra/deep/y": "3", "root": "4"})
    assert await world.files("shop") == {"apps/a/x": "1", "infra/deep/y": "3"}
    world.object("shop", f"{world.server.url}/shop.git", sparseCheckout=["nowhere"])
    with pytest.raises(InvalidError, match=r"spec\.sparseCheckout 'nowhere' is not a directory"):
        await world.files("shop")


def with_submodule(outer: Repository, path: str, address: str, commit: str) -> None:
    """Commit a submodule as `git submodule add` does."""
    outer.write({".gitmodules": f'[submodule "{path}"]\n\tpath = {path}\n\turl = {address}\n', "own": "1"})
    lines = git("ls-tree", "main", folder=outer.folder)
    tree = git("mktree", folder=outer.folder, stdin=f"{lines}\n160000 commit {commit}\t{path}\n".encode())
    made = git(*WHO, "commit-tree", tree, "-m", "x", folder=outer.folder)
    git("update-ref", "refs/heads/main", made, folder=outer.folder)


@pytest.mark.parametrize("address", ["../lib.git", "{url}/lib.git"], ids=["relative", "absolute"])
async def test_submodules_are_laid_out_where_they_are_wanted(world: World, address: str) -> None:
    """At the commit that is written down, whatever moved meanwhile; and not at all where nobody asked."""
    lib = world.repository("lib")
    commit = lib.write({"lib.yaml": "old", "x.png": "p"})
    lib.write({"lib.yaml": "new"})
    outer = world.repository("outer", recurseSubmodules=True)
    with_submodule(outer, "vendored", address.format(url=world.server.url), commit)
    assert await world.files("outer") == {"own": "1", "vendored/lib.yaml": "old"}
    world.object("outer", f"{world.server.url}/outer.git")
    assert await world.files("outer") == {"own": "1"}


async def test_a_submodule_does_not_get_the_login_of_another_server(world: World, tmp_path: Path) -> None:
    """The password is for the source's host."""
    (tmp_path / "elsewhere").mkdir()
    other = GitServer(tmp_path / "elsewhere")
    commit = Repository(other.root / "lib.git").write({"lib.yaml": "x"})
    world.server.password = "p-for-one-host"
    world.cluster.add(secret("login", username="bot", password="p-for-one-host"))
    outer = world.repository("outer", recurseSubmodules=True, secretRef={"name": "login"})
    with_submodule(outer, "vendored", f"{other.url}/lib.git", commit)
    try:
        assert set(await world.files("outer")) == {"own", "vendored/lib.yaml"}
    finally:
        other.close()
    assert any(world.server.seen)
    assert not any(other.seen)


@pytest.mark.parametrize("address", ["file:///etc", "ssh://git@other.example/x", "ext::sh -c id", "/etc"])
async def test_a_submodule_is_no_way_into_this_machine(world: World, address: str) -> None:
    """Nor to another host with the operator's keys."""
    outer = world.repository("outer", recurseSubmodules=True)
    with_submodule(outer, "vendored", address, "1" * 40)
    with pytest.raises(SluiceError):
        await world.files("outer")


async def test_a_circle_of_submodules_ends(world: World) -> None:
    """By a message that names the place."""
    outer = world.repository("outer", recurseSubmodules=True)
    commit = outer.write({"x": "y"})
    with_submodule(outer, "inner", "../outer.git", commit)
    assert "inner/x" in await world.files("outer")


async def test_files_of_another_source_are_put_among_these(world: World) -> None:
    """All of it under its name, or a part of it where it is wanted; a new commit of the other one is new files."""
    lib = world.repository("lib")
    lib.write({"deep/a.yaml": "1", "b.yaml": "2", ".github/ci": "x"})
    include = [
        {"repository": {"name": "lib"}},
        {"repository": {"name": "lib"}, "fromPath": "deep", "toPath": "apps/lib"},
    ]
    shop = world.repository("shop", include=include)
    shop.write({"own": "0"})
    assert await world.files("shop") == {"own": "0", "lib/deep/a.yaml": "1", "lib/b.yaml": "2", "apps/lib/a.yaml": "1"}
    lib.write({"deep/a.yaml": "new"})
    assert (await world.files("shop"))["apps/lib/a.yaml"] == "new"
    source = await source_for(world.wired, SourceKey("GitRepository", "team", "shop"))
    (one, other) = (await source.fetched(await source.latest())).observed["includedArtifacts"]
    assert one["revision"] == other["revision"] == f"main@sha1:{lib.head()}"


@pytest.mark.parametrize(
    ("include", "error", "said"),
    [
        ({"repository": {"name": "nobody"}}, NotFoundError, "team/nobody"),
        ({"repository": {"name": "lib"}, "toPath": "../x"}, InvalidError, "leads out"),
        ({"repository": {"name": "lib"}, "fromPath": "/etc"}, InvalidError, "leads out"),
        ({"repository": {"name": "lib"}, "fromPath": "nowhere"}, NotFoundError, "spec.include 'lib' has no 'nowhere'"),
        ({"repository": {"name": "shop"}}, InvalidError, "is it a circle"),
    ],
)
async def test_what_cannot_be_included_is_named(
    world: World, include: dict[str, Any], error: type[Exception], said: str
) -> None:
    """Never something else in its place, and never a file of this machine."""
    world.repository("lib").write({"a": "1"})
    world.repository("shop", include=[include]).write({"own": "0"})
    with pytest.raises(error, match=said):
        await world.files("shop")


async def test_an_included_file_is_not_written_through_a_link(world: World) -> None:
    """A link in one repository and a path in the manifest must not lead out together."""
    world.repository("lib").write({"a": "bad"})
    shop = world.repository("shop", include=[{"repository": {"name": "lib"}, "toPath": "apps"}])
    blob = git("hash-object", "-w", "--stdin", folder=shop.folder, stdin=b".")
    tree = git("mktree", folder=shop.folder, stdin=f"120000 blob {blob}\tapps\n".encode())
    made = git(*WHO, "commit-tree", tree, "-m", "x", folder=shop.folder)
    git("update-ref", "refs/heads/main", made, folder=shop.folder)
    with pytest.raises(InvalidError, match="behind a symbolic link"):
        await world.files("shop")


async def test_a_proxy_and_its_login(world: World) -> None:
    """The address in the Secret is what is spoken to; its password is in no message."""
    world.cluster.add(secret("proxy", address="http://127.0.0.1:9", username="u", password="proxy-password"))
    world.object("shop", "http://git.example/shop.git", proxySecretRef={"name": "proxy"}, timeout="10s")
    with pytest.raises(SluiceError) as caught:
        await world.files("shop")
    assert "127.0.0.1" in str(caught.value)
    assert "proxy-password" not in str(caught.value)
