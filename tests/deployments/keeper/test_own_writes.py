"""What this process writes itself under a lease is not looked at by its keeper; what others write is, right after it too."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.kinds import HTTP_ROUTE
from deployments.keeper.acting import Acting, Result
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.strategies.base import Traffic
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import Scene
from tests.deployments.keeper.test_keeper import edit, image, kept, weight, whole
from tests.samples import NAME, NAMESPACE
from tests.tasks.conftest import OLD_IMAGE
from tests.tasks.scene.test_tend import released

STEPS = (40, 50, 60)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each look of a keeper."""
    seen: list[str] = []
    look = Acting.look

    async def noted(self: Acting, namespace: str, name: str) -> Result:
        seen.append(name)
        return await look(self, namespace, name)

    monkeypatch.setattr(Acting, "look", noted)
    return seen


async def test_steps_of_a_release_are_not_looked_at_one_by_one(looks: list[str]) -> None:
    """The run has just made it so, on top of what was known; a journal that moves on asks for a look."""
    stage = await whole(released())
    async with kept(stage) as wired, claimed(stage.ref, "run"):
        await asyncio.sleep(0.3)
        looks.clear()
        for step in STEPS:
            scene = await Scene.of(stage.ref)
            await scene.router.shift(scene.canary, Traffic(step))
            await scene.write({"status": {"canaryWeight": step}})
            await asyncio.sleep(0.15)
        assert wired.informers.known(HTTP_ROUTE, NAME, NAMESPACE) is not None
        assert (weight(stage), looks) == (STEPS[-1], [])
        scene = await Scene.of(stage.ref)
        await scene.write({"status": {"phase": Phase.PROMOTING}})
        await asyncio.sleep(0.15)
        assert looks


async def test_what_others_write_is_looked_at_also_between_two_writes_of_the_run(looks: list[str]) -> None:
    """And put right."""
    stage = await whole(released())
    async with kept(stage), claimed(stage.ref, "run"):
        await asyncio.sleep(0.3)
        looks.clear()
        for step in STEPS:
            scene = await Scene.of(stage.ref)
            await scene.router.shift(scene.canary, Traffic(step))
            edit(stage, f"registry/shop:by-hand-{step}")
            while image(stage) != OLD_IMAGE:
                await asyncio.sleep(0.01)
        assert len(looks) >= len(STEPS)
    assert weight(stage) == STEPS[-1]


async def test_a_change_that_comes_after_a_write_of_the_run_is_seen(looks: list[str]) -> None:
    """Of the very object that was written."""
    stage = await whole(released())
    async with kept(stage), claimed(stage.ref, "run"):
        scene = await Scene.of(stage.ref)
        await scene.router.shift(scene.canary, Traffic(40))
        await asyncio.sleep(0.2)
        looks.clear()
        await other_hand(stage, {"metadata": {"labels": {"mine": "yes"}}})
        await asyncio.sleep(0.2)
        assert looks


async def other_hand(stage: Any, patch: dict[str, Any]) -> None:
    """Somebody edits the route."""
    stage.change("HTTPRoute", NAME, patch)
