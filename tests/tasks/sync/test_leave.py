"""The end of a Kustomization: what it applied goes with it, as its deletionPolicy says, and nothing else does."""

from __future__ import annotations

import pytest

from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.errors import InvalidError
from tasks.sync.finish_deleted import finish_deleted
from tests.tasks.sync.delivered import TEAM, Delivered, config

KEPT = {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"}}}
CASES = [
    ("MirrorPrune", True, False, ["kept", "theirs"]),
    ("MirrorPrune", False, False, ["a", "kept", "theirs"]),
    ("Delete", False, False, ["kept", "theirs"]),
    ("WaitForTermination", False, False, ["kept", "theirs"]),
    ("Orphan", True, False, ["a", "kept", "theirs"]),
    ("Delete", True, True, ["a", "kept", "theirs"]),
]


@pytest.mark.parametrize(("policy", "prune", "suspend", "left"), CASES, ids=str)
async def test_what_goes_with_it(git: Delivered, policy: str, prune: bool, suspend: bool, left: list[str]) -> None:
    """What others made, and what is marked, stays whatever the policy."""
    git.cluster.add(config("theirs"))
    git.commit(config("a"), config("kept"))
    git.kustomization(prune=prune, deletionPolicy=policy)
    await git.sync()
    git.cluster.by_hand("ConfigMap", TEAM, "kept", KEPT)
    git.cluster.by_hand("Kustomization", TEAM, "app", {"spec": {"suspend": suspend}})
    await git.cluster.delete(KUSTOMIZATION, "app", TEAM)
    assert git.there("Kustomization"), "the finalizer keeps it until what it applied is cleaned up"
    assert await finish_deleted(["team/app"]) == [f"team/app is gone: 0 applied, {3 - len(left)} pruned, 0 left alone"]
    assert sorted(git.there()) == left
    assert git.there("Kustomization") == {}


async def test_it_stays_until_all_can_be_deleted(git: Delivered) -> None:
    """A webhook refuses one delete: the next try goes on."""
    git.commit(config("a"))
    git.kustomization()
    await git.sync()
    await git.cluster.delete(KUSTOMIZATION, "app", TEAM)

    def refuse(when: str, verb: str, item: dict[str, object]) -> None:
        if verb == "delete":
            raise InvalidError("denied")

    git.cluster.hooks.append(refuse)
    with pytest.raises(InvalidError):
        await git.leave()
    assert git.there("Kustomization")
    git.cluster.hooks.clear()
    await git.leave()
    assert (git.there(), git.there("Kustomization")) == ({}, {})


async def test_one_that_is_not_deleted_is_not_touched(git: Delivered) -> None:
    """Whoever asks."""
    git.commit(config("a"))
    git.kustomization()
    await git.sync()
    assert await finish_deleted(["team/app", "team/nobody"]) == []
    assert await git.leave() == "it is not being deleted"
    assert sorted(git.there()) == ["a"]


async def test_a_directory_and_its_kustomization_leave_in_one_commit(git: Delivered) -> None:
    """What it applied is known from its inventory: nothing has to be rendered (fluxcd/flux2#2627, #4452)."""
    git.commit(config("a"))
    git.kustomization()
    await git.sync()
    git.commit(broken="spec.path 'app' is not a directory of the source")
    with pytest.raises(InvalidError):
        await git.sync()
    await git.cluster.delete(KUSTOMIZATION, "app", TEAM)
    await git.leave()
    assert (git.there(), git.there("Kustomization")) == ({}, {})


async def test_one_that_is_being_deleted_applies_nothing(git: Delivered) -> None:
    """A push that comes at the same moment."""
    git.commit(config("a"))
    git.kustomization()
    await git.sync()
    await git.cluster.delete(KUSTOMIZATION, "app", TEAM)
    git.commit(config("a"), config("b"))
    assert await git.sync() == "it is being deleted"
    assert sorted(git.there()) == ["a"]
