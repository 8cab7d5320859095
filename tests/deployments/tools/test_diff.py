"""`sluice diff`: what a sync would change is shown as the API server says it would be, and nothing is written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from blocks.connections import connections
from deployments.tools.diff import Compared, compared
from sluice.errors import InvalidError, NotFoundError
from tasks.sync.kustomizations import preview
from tests.owning_cluster import OwningCluster
from tests.tasks.sync.delivered import TEAM, Delivered, config, delivering

Object = dict[str, Any]


@pytest.fixture
async def git() -> AsyncIterator[Delivered]:
    async with delivering(OwningCluster()) as world:

        async def source_for(*_: Any) -> Delivered:
            return world

        with patch.object(preview, "source_for", source_for):
            yield world


async def diff(name: str = f"{TEAM}/app", folder: Path | None = None) -> list[Compared]:
    return [one async for one in compared(connections(), name, folder)]


def signs(one: Compared) -> list[str]:
    lines = [line for each in one.previews for line in each.lines]
    return [line for line in lines if line[0] in "+-" and not line.startswith(("+++", "---"))]


async def test_no_difference_is_code_0_and_costs_no_dry_run(git: Delivered) -> None:
    """Also where a controller has written its own fields."""
    git.commit(config("a"), config("b"))
    git.kustomization()
    await git.sync()
    git.cluster.edit("ConfigMap", "a", TEAM, {"data": {"theirs": "1"}}, "a-controller")  # type: ignore[attr-defined]
    (one,) = await diff()
    assert (one.code, one.previews) == (0, ())
    assert "dry run ConfigMap" not in git.cluster.asked  # type: ignore[operator]


async def test_what_would_change_is_shown_and_nothing_is_written(git: Delivered) -> None:
    """A value of git, a hand's change, a hand's addition, a new object, and one that would be deleted."""
    git.commit(config("a"), config("b"), config("c"), config("gone"))
    git.kustomization()
    await git.sync()
    git.commit(config("a", "2"), config("b"), config("c"), config("new"))
    git.cluster.edit("ConfigMap", "b", TEAM, {"data": {"value": "9"}})  # type: ignore[attr-defined]
    git.cluster.edit("ConfigMap", "c", TEAM, {"data": {"more": "9"}})  # type: ignore[attr-defined]
    version, status = git.cluster.version, git.status()
    (one,) = await diff()
    assert one.code == 1
    found = {str(each.object): [line for line in each.lines if line.startswith(("+ ", "- "))] for each in one.previews}
    assert found[f"ConfigMap {TEAM}/a"] == ["-  value: '1'", "+  value: '2'"]
    assert found[f"ConfigMap {TEAM}/b"] == ["-  value: '9'", "+  value: '1'"]
    assert found[f"ConfigMap {TEAM}/c"] == ["-  more: '9'"]
    assert "+kind: ConfigMap" in one.previews[-2].lines
    assert "-kind: ConfigMap" in one.previews[-1].lines
    assert {"new", "gone"} == {each.object.name for each in one.previews[-2:]}
    assert (git.cluster.version, git.status()) == (version, status)


async def test_a_source_that_cannot_be_rendered_is_code_2_and_the_others_are_shown(git: Delivered) -> None:
    """One team's broken directory does not stop the look at the others'."""
    git.commit(config("a"))
    git.kustomization()
    git.kustomization("broken", "elsewhere")
    git.commit(path="elsewhere", broken="kustomization.yaml: no such resource")
    found = {one.name: one for one in await diff("")}
    assert (found[f"{TEAM}/app"].code, found[f"{TEAM}/broken"].code) == (1, 2)
    assert "no such resource" in found[f"{TEAM}/broken"].failed


async def test_a_folder_of_ones_own_is_compared_in_the_place_of_git(git: Delivered) -> None:
    """What a commit would change, before it is one."""
    git.commit(config("a"))
    git.kustomization(path="deploy")
    git.commit(config("a", "2"))
    (one,) = await diff(folder=Path("main@sha1:2"))
    assert one.code == 1


@pytest.mark.parametrize("name", ["app", "a/b/c", "/app"])
async def test_a_name_that_is_none_is_refused_with_what_to_write(git: Delivered, name: str) -> None:
    """And a folder needs one."""
    with pytest.raises(InvalidError, match="namespace/name"):
        await diff(name)
    with pytest.raises(InvalidError, match="name it"):
        await diff("", Path("deploy"))
    with pytest.raises(NotFoundError, match="kubectl get kustomizations"):
        await diff("apps/nobody")
