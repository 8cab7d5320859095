"""What a look of `reconcile` costs the API server while nothing happens, and that a watch that is behind starts nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from pathlib import Path
from typing import Any

import pytest

from blocks.connections import connections
from blocks.kubernetes.kinds import (
    BUCKET,
    CANARY,
    GIT_REPOSITORY,
    HELM_RELEASE,
    HELM_REPOSITORY,
    KUSTOMIZATION,
    OCI_REPOSITORY,
    WORKLOAD_KINDS,
)
from sluice.errors import TransientError
from sluice.rollout.workloads import workload_of
from tasks.flags.find_due import find_due_flags
from tasks.helm.finding.find_due_releases import find_due_releases
from tasks.helm.finding.find_moved_repositories import find_moved_repositories
from tasks.images.writing.find_git_behind import find_git_behind
from tasks.images.writing.keep_out import find_rolled_back
from tasks.sync.find_moved_sources import find_moved_sources
from tasks.upkeep import find_orphans as orphans
from tests.samples import canary, canary_manifest, deployment
from tests.tasks.sync.late_watches import WITHIN, World, delivering

LOOKS = (
    orphans.find_orphans,
    find_rolled_back,
    find_git_behind,
    find_moved_sources,
    find_moved_repositories,
    find_due_releases,
    find_due_flags,
)
WATCHED = (BUCKET, CANARY, GIT_REPOSITORY, HELM_RELEASE, HELM_REPOSITORY, KUSTOMIZATION, OCI_REPOSITORY)
REVISION = workload_of(canary()).revision(canary(), deployment())
AT_REST = {"phase": "Succeeded", "lastAppliedSpec": REVISION, "lastPromotedSpec": REVISION}
RELEASE = {"phase": "Progressing", "lastAppliedSpec": "on its way", "lastPromotedSpec": "old"}


@pytest.fixture
async def sut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async def none(_flow: str) -> list[Any]:
        return []

    monkeypatch.setattr(orphans, "active_runs", none)
    async with delivering(tmp_path) as world:
        world.cluster.add(canary_manifest(status=AT_REST), deployment())
        for kind in (*WATCHED, WORKLOAD_KINDS["Deployment"]):
            await connections().informers.list(kind)
        world.cluster.asked.clear()
        yield world


async def look() -> list[Any]:
    found: list[Any] = []
    for stage in LOOKS:
        one: Awaitable[Sequence[Any]] = stage.fn()
        found += await one
    return found


def asked(world: World) -> dict[str, int]:
    return {what: n for what, n in world.cluster.asked.items() if n and what.startswith(("list", "get"))}


async def test_a_look_asks_for_what_nobody_watches_alone(sut: World) -> None:
    """However many sources, Kustomizations and Canaries there are: two lists."""
    await look()
    assert asked(sut) == {"list ImageUpdateAutomation": 1, "list FlagRollout": 1}


@pytest.mark.parametrize("kind", WATCHED)
async def test_what_a_watch_cannot_vouch_for_is_listed(sut: World, kind: Any) -> None:
    """A look that rests on a dead watch would see nothing for ever."""
    informers = connections().informers
    await informers.close()  # nobody begins it once more, and no list but the look's is counted
    informers._begun(kind, None).broken(TransientError("away"))
    await look()
    assert asked(sut)[f"list {kind.kind}"] >= 1


async def test_a_release_that_has_ended_while_the_watch_was_behind_starts_nothing(sut: World) -> None:
    """Its run is gone and its Canary looks as if it were under way: the API server knows better."""
    sut.cluster.add(canary_manifest(status=RELEASE))
    async with asyncio.timeout(WITHIN):
        while (await connections().informers.list(CANARY))[0]["status"]["phase"] != "Progressing":
            await asyncio.sleep(0.005)
    assert len(await orphans.find_orphans.fn()) == 1
    sut.cluster.hold()
    sut.cluster.add(canary_manifest(status=AT_REST))
    assert await orphans.find_orphans.fn() == []
