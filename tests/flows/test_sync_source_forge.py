"""A sync shows next to its commit what became of it, and does not depend on the forge for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from blocks.forges.github import GitHub
from blocks.forges.table import Forges
from blocks.git.mirrors import Git
from blocks.renderers.base import NOTHING, Means
from flows.sync_source import sync_source
from lab.standins import github
from sluice.errors import InvalidError
from sluice.manifests.flux.kustomization import KustomizationSpec
from sluice.sync.objects import Object, read_objects
from tests.blocks.git.git_server import GitServer, Repository
from tests.connected import connected
from tests.memory_cluster import MemoryCluster
from tests.served import served

pytestmark = pytest.mark.server
TOKEN = "ghp_of_the_lab"
META = {"name": "app", "namespace": "team", "generation": 1, "uid": "1a2b3c4d"}
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


class Plain:
    """Renders the YAML files of a directory, one after the other."""

    async def render(self, tree: Path, spec: KustomizationSpec, means: Means = NOTHING) -> list[Object]:
        files = sorted((tree / spec.path).glob("*.yaml"))
        return [one for file in files for one in read_objects(file.read_text(), file.name)]


@dataclass
class World:
    """A cluster in memory, a real git server, and the stand-in for GitHub."""

    cluster: MemoryCluster
    repository: Repository
    url: str
    api: str
    http: httpx.AsyncClient

    async def statuses(self, commit: str) -> list[tuple[str, str, str]]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        path = f"{self.api}/repos/team/app/commits/{commit}/statuses"
        found = (await self.http.get(path, headers=headers)).json()
        return [(one["context"], one["state"], one["description"]) for one in found]


@pytest.fixture(params=[TOKEN])
async def sut(request: pytest.FixtureRequest, prefect_engine: str, tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "team").mkdir()
    repository, server, cluster = Repository(tmp_path / "team/app.git"), GitServer(tmp_path), MemoryCluster()
    url = f"{server.url}/team/app.git"
    cluster.add(
        {"kind": "GitRepository", "metadata": dict(META), "spec": {"url": url, "ref": {"branch": "main"}}},
        {
            "kind": "Kustomization",
            "metadata": dict(META),
            "spec": {"sourceRef": {"kind": "GitRepository", "name": "app"}, "prune": True},
            "status": {},
        },
    )
    app = github.application(tmp_path / "github", TOKEN, "s", "http://127.0.0.1:9/github", server.url)
    async with served(app) as api, httpx.AsyncClient(trust_env=False) as http:
        forge = Forges({server.url.partition("://")[2]: GitHub(http, SecretStr(request.param), api)}, http)
        parts: dict[str, Any] = {"git": Git(tmp_path / "home"), "renderer": lambda kind: Plain(), "forge": forge}
        async with connected(cluster, router=None, metrics=None, gates=None, **parts):
            yield World(cluster, repository, url, api, http)
    server.close()


async def synced(one: World) -> str:
    said: str = await sync_source(url=one.url, ref="main")
    return said


async def test_an_applied_commit_is_marked_and_a_broken_one_too(sut: World) -> None:
    """By the Kustomization's name; why it failed is not published, but where to read it is."""
    good = sut.repository.write({"a.yaml": CONFIG})
    assert (await synced(sut)).startswith("synced: team/app: 1 applied")
    assert await sut.statuses(good) == [("sluice/team/app", "success", "applied")]
    bad = sut.repository.write({"a.yaml": "password: [hunter2\n"})
    with pytest.raises(InvalidError):
        await synced(sut)
    ((context, state, description),) = await sut.statuses(bad)
    assert (context, state) == ("sluice/team/app", "failure")
    assert "Ready condition of Kustomization team/app" in description
    assert "hunter2" not in description


@pytest.mark.parametrize("sut", ["ghp_wrong"], indirect=True)
async def test_a_forge_that_refuses_does_not_fail_the_sync(sut: World) -> None:
    """The cluster is as git says; only the mark is missing."""
    commit = sut.repository.write({"a.yaml": CONFIG})
    assert (await synced(sut)).startswith("synced: team/app: 1 applied")
    assert sut.cluster.now("ConfigMap", "a", "team")
    assert await sut.statuses(commit) == []
