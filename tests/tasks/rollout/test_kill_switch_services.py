"""The kill switch at each service of flags that there is, for real: off for all users, and back as it was."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from blocks.flags.base import FlagService
from blocks.flags.table import SERVICES
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.own.flag_service import FlagServiceReference
from sluice.rollout.decision import Action, Decision
from tasks import run_signals
from tasks.rollout.kill_switch.restore import Restored, restore
from tasks.rollout.kill_switch.switch_flags_off import switch_flags_off
from tasks.scene.claim import claimed
from tests.blocks.flags.worlds import PROD, USERS, WORLDS, World
from tests.connected import connected
from tests.samples import NAME, NAMESPACE
from tests.tasks.conftest import Stage, parts
from tests.tasks.rollout.test_kill_switch import AT_30, bad, flags_of

WRITTEN = [kind for kind in SERVICES if kind != "ofrep"]
FEW = USERS[:12]
KEYS = ("plain-on", "quarter")


class Named:
    """The service of a world, whatever a manifest names."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def __call__(self, reference: FlagServiceReference, namespace: str) -> FlagService:
        return self.world.service()


def flagged(kind: str, *keys: str) -> Stage:
    service = {"type": kind, "address": "http://flags.test", "environments": [PROD]}
    return bad(*keys, service=service)


async def switched(stage: Stage, world: World) -> Any:
    run_signals.bind(stage.signals)
    async with connected(stage.cluster, **parts(stage) | {"flags": Named(world)}), claimed(stage.ref, "run"):
        return await switch_flags_off.fn(stage.ref, Decision(Action.WAIT, **AT_30))


async def given_back(stage: Stage, world: World) -> list[Restored]:
    stage.change("Canary", NAME, {"status": {"phase": Phase.FAILED}})
    async with connected(stage.cluster, **parts(stage) | {"flags": Named(world)}):
        return await restore(NAMESPACE, NAME)


async def got(world: World, key: str) -> list[str]:
    return list(await asyncio.gather(*(world.got(key, user) for user in FEW)))


@pytest.mark.parametrize("kind", WRITTEN)
async def test_nobody_gets_the_feature_and_afterwards_everybody_gets_what_they_had(kind: str, tmp_path: Path) -> None:
    """One that is on for all, and one that a share of users has: the same users have it again."""
    stage = flagged(kind, *KEYS)
    async with WORLDS[kind](tmp_path) as world:
        before = {key: await got(world, key) for key in KEYS}
        await switched(stage, world)
        assert flags_of(stage)["state"] == "watching", stage.status.get("rollbackReason")
        assert {one for key in KEYS for one in await got(world, key)} == {"false"}
        assert await given_back(stage, world) == [Restored(key, "given back") for key in KEYS]
        assert {key: await got(world, key) for key in KEYS} == before


async def test_a_service_that_can_only_be_read_sends_the_release_home(tmp_path: Path) -> None:
    """OFREP gives answers and takes no orders."""
    stage = flagged("ofrep", KEYS[0])
    async with WORLDS["ofrep"](tmp_path) as world:
        await switched(stage, world)
    assert flags_of(stage)["state"] == "not recovered"
    assert "could not be switched off" in stage.status["rollbackReason"]
