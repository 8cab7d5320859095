"""What a push costs the API server: followers are found by watches that this process has anyway."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blocks.connections import connections
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import BUCKET, GIT_REPOSITORY, KUSTOMIZATION, OCI_REPOSITORY
from blocks.sources.table import SOURCES
from sluice.errors import TransientError
from sluice.sync.source_url import normalise
from tests.blocks.git.git_server import git
from tests.tasks.sync.late_watches import TEAM, World, at, delivering

NOTHING_CHANGED = {
    "list GitRepository": 1,
    "get Kustomization": 1,
    "patch GitRepository": 1,
    "patch Kustomization": 1,
    "create Event": 1,
}


@pytest.fixture
async def sut(tmp_path: Path) -> AsyncIterator[World]:
    async with delivering(tmp_path) as world:
        yield world


def requests(world: World) -> Counter[str]:
    left_out = ("watch", "get Lease", "apply Lease")
    return Counter({what: n for what, n in world.cluster.asked.items() if n and not what.startswith(left_out)})


async def test_a_push_that_changes_nothing_costs_five_requests(sut: World) -> None:
    """The source, the Kustomization, what is written on both, and the Event; no list of what follows sources."""
    sut.repository.write({"README": "1"})
    assert await sut.deliver() == ["app-0"]
    assert requests(sut) == NOTHING_CHANGED


async def test_a_push_that_changes_one_object_costs_eight(sut: World) -> None:
    """And the write of the object, with the intent to write it before, and which Canaries may govern it."""
    sut.repository.write(at("2"))
    assert await sut.deliver() == ["app-0"]
    assert requests(sut) == {**NOTHING_CHANGED, "patch Kustomization": 2, "apply ConfigMap": 1, "list Canary": 1}


async def test_where_nothing_moved_or_a_watch_is_broken_the_api_server_is_asked(sut: World) -> None:
    """Such a delivery may be about what a watch does not have yet."""
    assert await sut.deliver() == []
    assert requests(sut)["list Kustomization"] == 1
    informers = connections().informers
    await informers.close()  # nobody begins it once more, and no list but the delivery's is counted
    informers._begun(KUSTOMIZATION, None).broken(TransientError("away"))
    sut.repository.write(at("2"))
    assert await sut.deliver() == ["app-0"]
    assert requests(sut)["list Kustomization"] == 2


async def test_a_branch_that_goes_back_is_followed_though_the_watch_is_behind(sut: World) -> None:
    """The watch still has the old status, by which the older revision looks as if it were applied."""
    first = sut.repository.head()
    sut.cluster.hold()
    sut.repository.write(at("2"))
    await sut.deliver()
    git("update-ref", "refs/heads/main", first, folder=sut.repository.folder)
    assert await sut.deliver() == ["app-0"]
    assert sut.cluster.now("ConfigMap", "app-0", TEAM)["data"] == {"value": "1"}


async def test_a_source_that_was_suspended_just_now_stays(sut: World) -> None:
    """A stop is not read from a watch."""
    sut.cluster.hold()
    source = sut.cluster.now("GitRepository", "app", TEAM)
    sut.cluster.add({**source, "spec": {**source["spec"], "suspend": True}})
    sut.repository.write(at("2"))
    assert await sut.deliver() == []


@pytest.mark.parametrize(
    ("url", "ref", "kinds"),
    [
        ("https://git/app", "main", {GIT_REPOSITORY}),
        ("git@git:app", "refs/tags/v1", {GIT_REPOSITORY}),
        ("https://git/app", "", {GIT_REPOSITORY, BUCKET}),
        ("oci://registry/app", "", {OCI_REPOSITORY}),
        ("deleted/team/app", "", set()),
        ("helm://team/app", "", set()),
    ],
)
def test_only_kinds_that_can_be_at_the_address_are_listed(url: str, ref: str, kinds: set[Kind]) -> None:
    """Others cannot be what the event is about."""
    scheme = normalise(url).partition("://")[0]
    assert {row.kind for row in SOURCES.values() if row.may_be_at(scheme, ref)} == kinds
