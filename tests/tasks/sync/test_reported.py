"""A sync that finds what somebody changed before any watch does says so as well, once."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.applied.applied import Applied
from blocks.connections import connections
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.drift.struggle import MOST
from tasks.sync.kustomizations.reporting import reported
from tests.tasks.sync.delivered import TEAM, Delivered, config

Object = dict[str, Any]


def said(git: Delivered) -> list[str]:
    events = [one for (kind, *_), one in git.cluster.objects.items() if kind == "Event" and one["reason"] == "Drift"]
    return [one["message"] for one in events]


@pytest.mark.parametrize("memory", [True, False], ids=["with memory", "after a restart"])
async def test_what_a_sync_puts_back_is_reported(git: Delivered, memory: bool) -> None:
    """Also by a process that has not applied it itself: at the revision that is applied, nobody else can be meant."""
    git.commit(config("a"), config("b"))
    git.kustomization()
    await git.sync()
    git.cluster.by_hand("ConfigMap", TEAM, "a", {"data": {"value": "9"}})
    if not memory:
        connections().applied = Applied()
    await git.sync(reapply=True)
    (message,) = said(git)
    assert message == f"ConfigMap {TEAM}/a: data.value is 9, git says 1 (kubectl-edit): it is put back now"
    assert git.there()["a"] == {"value": "1"}
    await git.sync(reapply=True)
    assert len(said(git)) == 1
    git.cluster.by_hand("ConfigMap", TEAM, "a", {"data": {"value": "9"}})
    await git.sync(reapply=True)
    assert len(said(git)) == 2, "put back and changed once more: that is news"


async def test_what_git_changes_is_not_reported(git: Delivered) -> None:
    """Nor what a first sync finds there."""
    git.cluster.add(config("a", "by hand"))
    git.commit(config("a"))
    git.kustomization()
    await git.sync()
    git.commit(config("a", "2"))
    await git.sync()
    assert said(git) == []


async def test_two_workers_that_see_the_same_say_it_once(git: Delivered) -> None:
    """The Event has a name that both would give it: the second finds it there."""
    git.commit(config("a"))
    git.kustomization(annotations={"sluice.dev/drift": "report-only"})
    await git.sync()
    git.cluster.by_hand("ConfigMap", TEAM, "a", {"data": {"value": "9"}})
    await git.sync(reapply=True)
    connections().applied = Applied()
    await git.sync(reapply=True)
    assert len(said(git)) == 1
    one = Kustomization.parse(git.cluster.now("Kustomization", "app", TEAM))
    assert not await reported(connections(), one, [])


async def test_a_change_that_comes_back_after_each_interval_is_not_said_for_ever(git: Delivered) -> None:
    """A controller that sets the field each minute is named a few times, the last time as that; another change is news."""
    git.commit(config("a"))
    git.kustomization()
    await git.sync()
    for number in range(MOST + 5):
        git.cluster.by_hand("ConfigMap", TEAM, "a", {"data": {"value": f"{number}"}}, "stubborn-operator")
        await git.sync(reapply=True)
        assert git.there()["a"] == {"value": "1"}
    assert len(said(git)) == MOST
    assert "nothing more is said of it" in said(git)[-1]
    git.cluster.by_hand("ConfigMap", TEAM, "a", {"data": {"value": "9"}}, "kubectl-edit")
    await git.sync(reapply=True)
    assert len(said(git)) == MOST + 1
