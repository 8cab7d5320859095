"""The kill switch where service or repository are not as they should be: home with the reason, and nothing is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blocks.flags.base import FlagService
from sluice.manifests.own.flag_service import FlagServiceReference
from sluice.rollout.decision import Action, Decision
from tasks import run_signals
from tasks.rollout.kill_switch.switch_flags_off import switch_flags_off
from tasks.scene.claim import claimed
from tests.blocks.flags.worlds import FEATURES, WORLDS, InGit, World
from tests.blocks.git.git_server import git
from tests.connected import connected
from tests.tasks.conftest import Stage, parts
from tests.tasks.rollout.test_kill_switch import AT_30, flags_of
from tests.tasks.rollout.test_kill_switch_services import flagged

KEY = "plain-on"
IN_GIT = ["features-file", "flagd-file"]


class Named:
    """The service of a world by a token, whatever a manifest names."""

    def __init__(self, world: World, *token: str) -> None:
        self.world, self.token = world, token

    async def __call__(self, reference: FlagServiceReference, namespace: str) -> FlagService:
        return self.world.service(*self.token)


async def switched(stage: Stage, named: Named) -> None:
    run_signals.bind(stage.signals)
    async with connected(stage.cluster, **parts(stage) | {"flags": named}), claimed(stage.ref, "run"):
        await switch_flags_off.fn(stage.ref, Decision(Action.WAIT, **AT_30))


def home_because(stage: Stage) -> str:
    """Why the release goes home: with the judge's reason and that its flags are not off."""
    assert flags_of(stage)["state"] == "not recovered"
    reason = str(stage.status["rollbackReason"])
    assert reason.startswith(f"{AT_30['reason']}; its flags could not be switched off: ")
    return reason


def as_intended(stage: Stage, act: Any) -> None:
    """Do something at the moment when the intent is written, and before the flag is turned."""

    def once(when: str, verb: str, item: dict[str, Any]) -> None:
        if (when, item["kind"]) == ("after", "Canary") and item["status"]["flags"].get("state") == "switching":
            stage.cluster.hooks.remove(once)
            act()

    stage.cluster.hooks.append(once)


def rewritten(world: InGit, text: str) -> str:
    """Somebody force-pushes another history; its commit."""
    git("update-ref", "-d", "refs/heads/main", folder=world.repository.folder)
    return world.repository.write({world.path: text, "another.md": "history\n"}, message="another history")


@pytest.mark.parametrize("kind", ["flipt", "flipt-v2"])
async def test_a_wrong_token_is_said_without_it(kind: str, tmp_path: Path) -> None:
    """And the flag is as it was."""
    stage = flagged(kind, KEY)
    async with WORLDS[kind](tmp_path) as world:
        await switched(stage, Named(world, "the-wrong-one"))
        assert "secretRef" in home_because(stage)
        assert "the-wrong-one" not in str(stage.cluster.objects)
        assert await world.got(KEY, "ann") == "true"


@pytest.mark.parametrize("kind", IN_GIT)
async def test_a_malformed_file_is_named_and_left(kind: str, tmp_path: Path) -> None:
    """Nothing is pushed to it."""
    stage = flagged(kind, KEY)
    async with WORLDS[kind](tmp_path) as world:
        assert isinstance(world, InGit)
        there = world.repository.write({world.path: "{flags: [\n"})
        await switched(stage, Named(world))
        assert world.path in home_because(stage)
        assert world.repository.head() == there


@pytest.mark.parametrize("kind", IN_GIT)
async def test_a_push_that_the_server_refuses_changes_nothing(kind: str, tmp_path: Path) -> None:
    """A protected branch, or a hook."""
    stage = flagged(kind, KEY)
    async with WORLDS[kind](tmp_path) as world:
        assert isinstance(world, InGit)
        hook = world.repository.folder / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho main is protected\nexit 1\n")
        hook.chmod(0o755)
        there = world.repository.head()
        await switched(stage, Named(world))
        assert "git push" in home_because(stage)
        assert world.repository.head() == there


async def test_a_branch_that_is_rewritten_meanwhile_is_turned_as_it_is_now(tmp_path: Path) -> None:
    """Where the flag is as it was: on the new history, and none of the old one comes back."""
    stage = flagged("features-file", KEY)
    async with WORLDS["features-file"](tmp_path) as world:
        assert isinstance(world, InGit)
        as_intended(stage, lambda: rewritten(world, FEATURES))
        await switched(stage, Named(world))
        assert flags_of(stage)["state"] == "watching", stage.status.get("rollbackReason")
        assert world.repository.log()[1:] == ["another history"]
        assert await world.got(KEY, "ann") == "false"


async def test_a_branch_that_is_rewritten_without_the_flag_is_left(tmp_path: Path) -> None:
    """What somebody pushed is theirs."""
    stage, pushed = flagged("features-file", KEY), list[str]()
    without = 'version: "1.4"\nnamespace: default\nflags: []\n'
    async with WORLDS["features-file"](tmp_path) as world:
        assert isinstance(world, InGit)
        as_intended(stage, lambda: pushed.append(rewritten(world, without)))
        await switched(stage, Named(world))
        assert f"has no flag {KEY}" in home_because(stage)
        assert [world.repository.head()] == pushed
