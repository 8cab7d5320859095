"""A source is its kind, its namespace and its name: two that share a name are two sources."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blocks.git.mirrors import Git
from deployments.watchers.announcer import Announcer
from deployments.watchers.sources import SourceWatcher
from sluice.errors import InvalidError
from sluice.events.model import Event
from sluice.images.reference import ImageRef
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.kustomization import Kustomization
from tasks.images.write_back import write_back
from tasks.sync.fetch_source import Fetched, fetch_source
from tasks.sync.find_due import find_due
from tasks.sync.find_moved_sources import drifting
from tasks.sync.followers.base import Due
from tasks.sync.kustomizations.sync import sync_kustomization
from tests.blocks.git.git_server import GitServer, Repository
from tests.connected import connected
from tests.memory_cluster import MemoryCluster

Object = dict[str, Any]
META = {"name": "app", "namespace": "team", "generation": 1, "uid": "1a2b3c4d"}


def kustomization(kind: str, name: str = "app", **status: Any) -> Object:
    spec = {"sourceRef": {"kind": kind, "name": "app"}, "prune": True}
    return {"kind": "Kustomization", "metadata": META | {"name": name}, "spec": spec, "status": status}


@dataclass
class World:
    """A cluster in memory and a real git server with the repository that `team/app` names."""

    cluster: MemoryCluster
    url: str
    commit: str
    repository: Repository

    def ready(self, kind: str, name: str) -> Object:
        status = self.cluster.now(kind, name, "team")["status"]
        return next((one for one in status.get("conditions", []) if one["type"] == "Ready"), {})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    repository, server, cluster = Repository(tmp_path / "app.git"), GitServer(tmp_path), MemoryCluster()
    commit = repository.write({"a.yaml": 'image: registry/shop:1 # {"$imagepolicy": "team:shop"}\n'})
    url = f"{server.url}/app.git"
    spec = {"url": url, "ref": {"branch": "main"}}
    cluster.add({"kind": "GitRepository", "metadata": dict(META), "spec": spec})
    async with connected(cluster, router=None, metrics=None, gates=None, git=Git(tmp_path / "home")):
        yield World(cluster, url, commit, repository)
    server.close()


async def test_what_follows_another_kind_is_not_due_and_says_why(world: World) -> None:
    """A push to the GitRepository does not touch it; its Ready condition names the field and the kinds there are."""
    world.cluster.add(kustomization("GitRepository", "ours"), kustomization("ExternalArtifact", "other"))
    due = await find_due.fn(await fetch_source.fn(world.url, "main"))
    assert [one.name for one in due] == ["ours"]
    ready = world.ready("Kustomization", "other")
    assert (ready["status"], ready["reason"]) == ("False", "ArtifactFailed")
    assert "spec.sourceRef.kind 'ExternalArtifact'" in ready["message"]
    assert "GitRepository" in ready["message"]
    assert world.ready("Kustomization", "ours") == {}


async def test_the_refusal_is_written_once_and_not_over_somebody_else_s(world: World) -> None:
    """Where a controller of Flux's serves it, its status stays that controller's."""
    served = kustomization("ExternalArtifact", "served", observedGeneration=1, conditions=[])
    world.cluster.add(kustomization("ExternalArtifact", "other"), served)
    await find_due.fn([])
    version = world.cluster.version
    await find_due.fn([])
    assert world.cluster.version == version
    assert world.ready("Kustomization", "served") == {}


async def test_one_that_turned_to_another_kind_meanwhile_is_not_applied(world: World) -> None:
    """What was due is looked at again: the manifest of now decides, and nothing is rendered or deleted."""
    world.cluster.add(kustomization("ExternalArtifact"))
    at = f"main@sha1:{world.commit}"
    late = Due(
        namespace="team",
        name="app",
        source=Fetched(namespace="team", name="app", commit=world.commit, revision=at),
    )
    with pytest.raises(InvalidError, match=r"spec\.sourceRef\.kind 'ExternalArtifact'"):
        await sync_kustomization.fn(late)
    assert world.ready("Kustomization", "app")["status"] == "False"
    assert not any("apply" in act or "delete" in act for act in world.cluster.acts)


def test_it_does_not_drift_with_a_git_repository() -> None:
    """Its interval calls for no sync of a source that it does not follow."""
    source = GitRepository.parse({"metadata": META, "spec": {"url": "https://git.example/app"}})
    followers = [
        Kustomization.parse(kustomization(kind, name, lastAppliedRevision="main@sha1:c"))
        for kind, name in (("GitRepository", "ours"), ("ExternalArtifact", "other"))
    ]
    (event,) = drifting({source.key: source}, followers, 0.0)
    assert event.reapply == "team/ours"


def test_its_change_calls_for_no_sync_of_a_git_repository() -> None:
    """In whatever order the watcher meets them."""

    async def nobody(events: Sequence[Event]) -> None:
        raise AssertionError("nothing is posted here")

    source = {"metadata": META, "spec": {"url": "https://git.example/app"}}
    other = kustomization("ExternalArtifact") | {"metadata": META | {"uid": "2"}}
    for first, second in ((source, other), (other, source)):
        watcher = SourceWatcher(cluster=None, announcer=Announcer(nobody))  # type: ignore[arg-type]
        events = [event for item in (first, second) for event in _told(watcher, item)]
        assert [event.delivery for event in events] == ["1a2b3c4d/1"]


def _told(watcher: SourceWatcher, item: Object) -> list[Any]:
    from blocks.kubernetes.kinds import GIT_REPOSITORY, KUSTOMIZATION

    kind = GIT_REPOSITORY if "url" in item["spec"] else KUSTOMIZATION
    return watcher.events_for(kind, ("team", "app"), item)


async def test_images_are_not_written_to_a_git_repository_that_was_not_named(world: World) -> None:
    """The automation says why in its status; git stays as it is."""
    spec = {"sourceRef": {"kind": "ExternalArtifact", "name": "app"}, "git": {"commit": {"author": {"email": "a@b"}}}}
    world.cluster.add({"kind": "ImageUpdateAutomation", "metadata": dict(META), "spec": spec, "status": {}})
    (written,) = await write_back.fn({"team:shop": ImageRef(name="registry/shop", tag="2")})
    assert "spec.sourceRef.kind 'ExternalArtifact'" in written.fault
    assert "ExternalArtifact" in world.ready("ImageUpdateAutomation", "app")["message"]
    assert world.repository.head() == world.commit
