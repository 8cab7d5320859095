"""Commits and tags that must be signed: by whom the source's Secret names, in each mode; all else is not deployed."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blocks.connections import Connections
from blocks.git.mirrors import Git
from blocks.sources.git import GitSource
from blocks.sources.table import open_source
from sluice.errors import UnverifiedError
from sluice.manifests.flux.git_repository import GitRepository
from tests.blocks.git.git_server import WHO, GitServer, Repository, git
from tests.blocks.sources.signed import Person, agents_gone, openpgp, revoked, ssh
from tests.connected import connected
from tests.memory_cluster import MemoryCluster


@dataclass
class World:
    """A repository, a cluster, and Ann, whom the source trusts."""

    wired: Connections
    cluster: MemoryCluster
    url: str
    repository: Repository
    ann: Person
    folder: Path

    async def source(self, mode: str = "HEAD", **ref: str) -> GitSource:
        verify = {"mode": mode, "secretRef": {"name": "trusted"}}
        spec: dict[str, Any] = {"url": self.url, "ref": ref or {"branch": "main"}, "verify": verify}
        one = GitRepository.parse({"metadata": {"name": "app", "namespace": "team"}, "spec": spec})
        made: Any = await open_source(self.wired, one)
        return made  # type: ignore[no-any-return]


@pytest.fixture(params=[openpgp, ssh], ids=["openpgp", "ssh"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "served").mkdir()
    server, cluster = GitServer(tmp_path / "served"), MemoryCluster()
    ann = request.param(tmp_path / "ann", "ann")
    secret = {ann.public[0]: base64.b64encode(ann.public[1].encode()).decode()}
    cluster.add({"kind": "Secret", "metadata": {"name": "trusted", "namespace": "team"}, "data": secret})
    repository = Repository(server.root / "app.git")
    async with connected(cluster, router=None, metrics=None, gates=None, git=Git(tmp_path / "home")) as wired:
        yield World(wired, cluster, f"{server.url}/app.git", repository, ann, tmp_path)
    server.close()
    agents_gone(tmp_path)


def made_by(world: World) -> Callable[[Path, str], Person]:
    return openpgp if world.ann.public[0].endswith(".asc") else ssh


async def test_a_commit_of_somebody_trusted_is_deployed(world: World) -> None:
    """And what is said of it names the key."""
    commit = world.ann.commit(world.repository, "one")
    source = await world.source()
    at = await source.latest()
    assert at == f"main@sha1:{commit}"
    said = (await source.fetched(at)).verified
    assert said.startswith(f"verified signature of commit '{commit}' with key '")


async def test_an_unsigned_commit_is_not(world: World) -> None:
    """Nor is one by somebody else, who signs well."""
    world.ann.commit(world.repository, "one", sign=False)
    with pytest.raises(UnverifiedError, match="is not signed") as caught:
        await (await world.source()).latest()
    assert caught.value.reason == "InvalidCommitSignature"
    made_by(world)(world.folder / "eve", "eve").commit(world.repository, "two")
    with pytest.raises(UnverifiedError, match="by nobody whom the Secret"):
        await (await world.source()).latest()


async def test_a_signature_of_another_commit_says_nothing(world: World) -> None:
    """Taken from a good commit and put on a bad one."""
    good = world.ann.commit(world.repository, "one")
    raw = git("cat-file", "commit", good, folder=world.repository.folder)
    forged = raw.replace("ann@example.com> ", "eve@example.com> ") + "\n"
    made = git("hash-object", "-t", "commit", "-w", "--stdin", folder=world.repository.folder, stdin=forged.encode())
    git("update-ref", "refs/heads/main", made, folder=world.repository.folder)
    with pytest.raises(UnverifiedError, match="by nobody whom the Secret"):
        await (await world.source()).latest()


@pytest.mark.parametrize("mode", ["Tag", "TagAndHEAD"])
async def test_a_tag_must_be_signed_where_it_is_asked_for(world: World, mode: str) -> None:
    """With `Tag` the commit need not be, with `TagAndHEAD` both must."""
    plain = world.ann.commit(world.repository, "one", sign=False)
    world.ann.tag(world.repository, "v1", plain)
    source = await world.source(mode, tag="v1")
    if mode == "Tag":
        at = await source.latest()
        assert "tag 'v1' with key" in (await source.fetched(at)).verified
    else:
        with pytest.raises(UnverifiedError, match=r"commit '.*' is not signed"):
            await source.latest()
    signed = world.ann.commit(world.repository, "two")
    world.ann.tag(world.repository, "v2", signed)
    assert await (await world.source(mode, tag="v2")).latest() == f"v2@sha1:{signed}"


async def test_a_tag_that_is_not_signed_or_is_another_is_refused(world: World) -> None:
    """Without an object, without a signature, by somebody else; and a good old tag put under a new name."""
    commit = world.ann.commit(world.repository, "one")
    folder = world.repository.folder
    git("tag", "plain", commit, folder=folder)
    git(*WHO, "tag", "-a", "-m", "x", "annotated", commit, folder=folder)
    world.ann.tag(world.repository, "v1", commit)
    git("update-ref", "refs/tags/v2", git("rev-parse", "refs/tags/v1", folder=folder), folder=folder)
    made_by(world)(world.folder / "eve", "eve").tag(world.repository, "eve", commit)
    for name, said in (
        ("plain", "no annotated tag"),
        ("annotated", "is not signed"),
        ("v2", "was made as another tag"),
        ("eve", "by nobody whom the Secret"),
    ):
        with pytest.raises(UnverifiedError, match=said):
            await (await world.source("Tag", tag=name)).latest()


async def test_the_mode_of_tags_needs_a_tag(world: World) -> None:
    """A branch has none to verify."""
    world.ann.commit(world.repository, "one")
    with pytest.raises(UnverifiedError, match="no annotated tag"):
        await (await world.source("Tag")).latest()


async def test_a_secret_without_keys_trusts_nobody(world: World) -> None:
    """And one with keys of another kind says which are missing."""
    world.ann.commit(world.repository, "one")
    trusted = {"kind": "Secret", "metadata": {"name": "trusted", "namespace": "team"}, "data": {}}
    world.cluster.add(trusted)
    with pytest.raises(UnverifiedError, match="has no public keys"):
        await world.source()
    other = ssh if made_by(world) is openpgp else openpgp
    bob = other(world.folder / "bob", "bob")
    world.cluster.add({**trusted, "data": {bob.public[0]: base64.b64encode(bob.public[1].encode()).decode()}})
    with pytest.raises(UnverifiedError, match=r"no key of that kind"):
        await (await world.source()).latest()


@pytest.mark.parametrize("world", [openpgp], ids=["openpgp"], indirect=True)
async def test_an_openpgp_key_that_was_revoked_is_not_good(world: World) -> None:
    """The signature is right, and the key may be in anybody's hands by now."""
    world.ann.commit(world.repository, "one")
    data = {"ann.asc": base64.b64encode(revoked(world.ann).encode()).decode()}
    world.cluster.add({"kind": "Secret", "metadata": {"name": "trusted", "namespace": "team"}, "data": data})
    with pytest.raises(UnverifiedError, match="by nobody whom the Secret"):
        await (await world.source()).latest()
