"""A delivery looks at its source once, and once more where another sync may have brought a newer revision meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blocks.git import mirrors, program
from blocks.git.mirrors import Author, Edit, Git, Remote
from blocks.renderers.table import renderer_for
from tasks.sync.fetch_source import fetch_source
from tasks.sync.find_due import find_due
from tasks.sync.followers.base import Due
from tasks.sync.kustomizations.sync import sync_kustomization
from tests.applying_cluster import ApplyingCluster
from tests.blocks.git.git_server import GitServer, Repository
from tests.connected import connected

META = {"name": "app", "namespace": "team", "generation": 1}
SPEC = {"sourceRef": {"kind": "GitRepository", "name": "app"}, "prune": True}


def config(value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{value: '{value}'}}\n"


@dataclass
class World:
    """A repository on a git server, what follows it, and how often git was asked."""

    cluster: ApplyingCluster
    repository: Repository
    url: str
    asked: list[str]
    git: Git

    async def found(self, commit: str = "") -> Due:
        """What a delivery finds before it syncs; `commit` is what its event says."""
        (due,) = await find_due.fn(await fetch_source.fn(self.url, "main", commit))
        return due

    async def write_back(self, value: str) -> str:
        """Commit and push, as a delivery of an image does; the commit."""
        files = {"a.yaml": config(value)}
        author = Author("sluice", "sluice@example.com")
        edit = Edit(branch="main", change=lambda _: files, message=lambda: "x", author=author, mark="kind", also=())
        return (await self.git.commit(Remote.of(self.url), edit)).id

    async def sync(self, due: Due | None = None) -> str:
        return (await sync_kustomization.fn(due or await self.found())).summary

    def fetches(self) -> int:
        return self.asked.count("fetch")

    def value(self) -> str:
        return str(self.cluster.now("ConfigMap", "a", "team")["data"]["value"])


@asynccontextmanager
async def delivering(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A world in which one commit is synced."""
    repository, server, cluster, asked = (
        Repository(folder / "app.git"),
        GitServer(folder),
        ApplyingCluster(),
        list[str](),
    )
    run, url = program.GitProgram.run, f"{server.url}/app.git"

    async def counted(self: Any, *arguments: str, **how: Any) -> bytes:
        asked.append(arguments[0])
        return await run(self, *arguments, **how)

    monkeypatch.setattr(program.GitProgram, "run", counted)
    cluster.add(
        {"kind": "GitRepository", "metadata": dict(META), "spec": {"url": url, "ref": {"branch": "main"}}},
        {"kind": "Kustomization", "metadata": dict(META), "spec": SPEC},
    )
    repository.write({"a.yaml": config("1")})
    parts: dict[str, Any] = {"git": Git(folder / "home"), "renderer": renderer_for}
    try:
        async with connected(cluster, router=None, metrics=None, gates=None, **parts):
            world = World(cluster, repository, url, asked, parts["git"])
            await world.sync()
            asked.clear()
            yield world
    finally:
        server.close()


@pytest.fixture
async def sut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with delivering(tmp_path, monkeypatch) as world:
        yield world


async def test_a_push_costs_one_exchange_with_the_git_server(sut: World) -> None:
    """What the delivery fetched is what is applied. All else that git is asked is here: which commit, which files."""
    sut.repository.write({"a.yaml": config("2")})
    assert await sut.sync() == "1 applied, 0 pruned, 0 left alone"
    assert (sut.value(), sut.fetches()) == ("2", 1)
    assert sut.asked == ["fetch", "cat-file", "ls-tree"]


async def test_a_delivery_that_comes_late_does_not_undo_a_newer_sync(sut: World) -> None:
    """Another delivery has applied a newer commit since this one looked: it looks once more, and has nothing to do."""
    sut.repository.write({"a.yaml": config("2")})
    late = await sut.found()
    sut.repository.write({"a.yaml": config("3")})
    await sut.sync()
    sut.asked.clear()
    assert await sut.sync(late) == "0 applied, 0 pruned, 0 left alone"
    assert (sut.value(), sut.fetches()) == ("3", 1)


async def test_a_kustomization_that_somebody_wrote_to_is_a_reason_to_look(sut: World) -> None:
    """It may have been another worker's sync of a newer commit."""
    sut.repository.write({"a.yaml": config("2")})
    due = await sut.found()
    known = sut.cluster.now("Kustomization", "app", "team")
    sut.cluster.add({**known, "metadata": {**known["metadata"], "labels": {"by": "ann"}}})
    sut.repository.write({"a.yaml": config("3")})
    assert await sut.sync(due) == "1 applied, 0 pruned, 0 left alone"
    assert (sut.value(), sut.fetches()) == ("3", 2)


async def test_files_that_are_gone_are_a_reason_to_look(sut: World) -> None:
    """sluice's home may be deleted at any time."""
    sut.repository.write({"a.yaml": config("2")})
    due = await sut.found()
    gone = due.model_copy(update={"source": due.source.model_copy(update={"files": f"{due.source.files}-gone"})})
    assert await sut.sync(gone) == "1 applied, 0 pruned, 0 left alone"
    assert (sut.value(), sut.fetches()) == ("2", 2)


async def test_what_we_pushed_ourselves_is_not_asked_for(sut: World) -> None:
    """The sync after a delivery of an image: the commit is here, and the push said where the branch is."""
    commit = await sut.write_back("2")
    sut.asked.clear()
    assert await sut.sync(await sut.found(commit)) == "1 applied, 0 pruned, 0 left alone"
    assert (sut.value(), sut.fetches()) == ("2", 0)
    sut.repository.write({"a.yaml": config("3")})
    assert await sut.sync(await sut.found(sut.repository.head())) == "1 applied, 0 pruned, 0 left alone"
    assert (sut.value(), sut.fetches()) == ("3", 1)


async def test_an_event_of_an_older_commit_brings_the_newest(sut: World) -> None:
    """Somebody pushed on top of our commit, and what is known is not what the server has: an event says it."""
    older = await sut.write_back("2")
    sut.repository.write({"a.yaml": config("3")})
    assert await sut.sync(await sut.found(sut.repository.head())) == "1 applied, 0 pruned, 0 left alone"
    assert sut.value() == "3"
    assert await find_due.fn(await fetch_source.fn(sut.url, "main", older)) == []
    assert sut.value() == "3"


async def test_what_was_known_a_while_ago_is_asked_for(sut: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery that waited in a queue looks by itself."""
    commit = await sut.write_back("2")
    monkeypatch.setattr(mirrors, "_MOMENT", 0.0)
    sut.repository.write({"a.yaml": config("3")})
    assert await sut.sync(await sut.found(commit)) == "1 applied, 0 pruned, 0 left alone"
    assert sut.value() == "3"
