"""dependsOn: what others need is ready first, and those that wait for each other say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from flows import sync_source
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.record import looked_at_after, tried_in_vain
from tasks.sync.followers import kustomization as row
from tasks.sync.kustomizations.sync import sync_kustomization
from tests.tasks.sync.delivered import TEAM, Delivered, config

Object = dict[str, Any]


def needs(*names: str, **more: Any) -> list[Object]:
    return [{"name": name, **more} for name in names]


async def test_what_waits_applies_nothing_and_is_looked_at_soon(git: Delivered) -> None:
    """Ready is False with Flux's reason; nothing failed."""
    git.commit(config("a"), path="app")
    git.kustomization("app", "app", dependsOn=needs("base"), interval="1h")
    assert await git.sync("app") == "waits: dependency 'team/base' does not exist"
    assert git.there() == {}
    assert git.condition()[:2] == ("False", "DependencyNotReady")
    one = Kustomization.parse(git.cluster.now("Kustomization", "app", TEAM))
    assert tried_in_vain(one)
    assert looked_at_after(one) == 60


async def test_a_dependency_has_to_have_applied_the_same_revision(git: Delivered) -> None:
    """Where both follow one source: ready at an older commit is not ready for this one."""
    git.commit(config("b"), path="base")
    git.commit(config("a"), path="app")
    git.kustomization("base", "base")
    git.kustomization("app", "app", dependsOn=needs("base"))
    await git.sync("base")
    assert "1 applied" in await git.sync("app")
    git.commit(config("a", "2"), path="app")
    assert "has not applied" in await git.sync("app")
    await git.sync("base")
    assert "1 applied" in await git.sync("app")


async def test_a_ready_expression_decides_in_place_of_the_condition(git: Delivered) -> None:
    """CEL over `self` and `dep`, as their manifests are."""
    expr = "dep.metadata.labels['version'] == self.metadata.labels['version'] && dep.spec.prune"
    git.commit(config("a"), path="app")
    git.kustomization("base", "base", suspend=True)
    git.kustomization("app", "app", dependsOn=needs("base", readyExpr=expr))
    assert "is not ready by its readyExpr" in await git.sync("app")
    for name in ("base", "app"):
        git.cluster.by_hand("Kustomization", TEAM, name, {"metadata": {"labels": {"version": "7"}}})
    assert "1 applied" in await git.sync("app")


@pytest.mark.parametrize("expr", ["dep.status ==", "other.status == 1", "dep.metadata.name"])
async def test_an_expression_that_is_none_is_stalled(git: Delivered, expr: str) -> None:
    """Nobody waits for what can never be true."""
    git.commit(config("a"), path="app")
    git.kustomization("base", "base")
    git.kustomization("app", "app", dependsOn=needs("base", readyExpr=expr))
    assert "readyExpr of 'base'" in await git.sync("app")
    assert git.condition()[:2] == ("False", "InvalidCELExpression")
    assert git.condition("Stalled")[0] == "True"


async def test_a_circle_is_named(git: Delivered) -> None:
    """Through others, and of one with itself; somebody who waits for a circle is not in it."""
    git.commit(config("a"), path="")
    for name, other in {"a": "b", "b": "c", "c": "a", "d": "a", "e": "e"}.items():
        git.kustomization(name, name, dependsOn=needs(other))
    for name in "abcde":
        await git.sync(name)
    assert "team/a → team/b → team/c → team/a" in git.condition(name="a")[2]
    assert git.condition("Stalled", "a")[0] == "True"
    assert "team/e → team/e" in git.condition(name="e")[2]
    assert git.condition("Stalled", "d") == ("", "", "")


async def test_a_chain_of_one_source_is_synced_in_one_run(git: Delivered, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each begins as soon as what it needs is ready, whatever the order in which they were found."""
    monkeypatch.setattr(row, "sync_kustomization", sync_kustomization.fn)
    names = [f"k{number}" for number in range(6)]
    git.commit(path="")
    for number, name in enumerate(names):
        git.commit(config(name), path=name)
        git.kustomization(name, name, dependsOn=needs(names[number - 1]) if number else [])
    done = await synced(git, names[::-1])
    assert all("1 applied" in one for one in done)
    at = [git.cluster.acts.index(f"apply ConfigMap {name}") for name in names]
    assert at == sorted(at)


async def test_one_that_fails_keeps_those_behind_it_waiting_and_no_others(
    git: Delivered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends."""
    monkeypatch.setattr(row, "sync_kustomization", sync_kustomization.fn)
    git.commit(broken="no", path="base")
    git.commit(config("a"), path="app")
    git.commit(config("b"), path="other")
    git.kustomization("base", "base")
    git.kustomization("app", "app", dependsOn=needs("base"))
    git.kustomization("other", "other")
    done = await synced(git, ["app", "base", "other"])
    assert done[0] == "waits: dependency 'team/base' is not ready"
    assert done[1] == "InvalidError"
    assert "1 applied" in done[2]


async def synced(git: Delivered, names: Sequence[str]) -> list[str]:
    ends = await sync_source._synced([git.due(name) for name in names])
    return [type(end).__name__ if isinstance(end, BaseException) else end.summary for end in ends]
