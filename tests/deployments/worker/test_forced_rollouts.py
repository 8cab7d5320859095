"""A release in the middle whose run people set to an end by force, or delete: the real flow, on a real Prefect server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from blocks.gates.base import Answer
from deployments import runtime
from deployments.worker import observer
from deployments.workflows import WORKFLOWS
from flows import roll_out as story
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from tasks.measuring import step as judging
from tasks.rollout import ask_gate, finalise, initialise, promote, roll_back
from tests.connected import connected
from tests.deployments.conftest import PATIENCE, Runtime
from tests.deployments.worker.test_forced_states import others
from tests.flows.ordinary import edit, message, ready, status, weights
from tests.flows.test_roll_out_stopped import NEW, World
from tests.samples import NAME, NAMESPACE, gate

pytestmark = pytest.mark.server
ROLL_OUT = next(one for one in WORKFLOWS if one.deployment == "roll_out")
AT = 60
"""The share of the users, percent, that the release has when it happens."""


@dataclass
class Held(World):
    """A release that waits for a person before its promotion, with users on the canary.

    Attributes:
        opened: what the person says.
        said: each sentence that people could read in the Canary's condition.
        shared: each share that the canary had.
    """

    opened: bool = False
    said: list[str] = field(default_factory=list)
    shared: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        edit(self, {"analysis": {"webhooks": [gate("confirm-promotion")]}})
        self.cluster.hooks.append(self.note)

    def note(self, when: str, verb: str, item: dict[str, Any]) -> None:
        if when == "after" and item["kind"] == "Canary" and (item.get("status") or {}).get("conditions"):
            self.said.append(message(self))
        if when == "after" and item["kind"] == "HTTPRoute":
            self.shared.append(weights(self)[1])

    async def ask(self, webhook: Any, canary: Canary) -> Answer:
        return Answer(gate=webhook.name, open=self.opened, said="nobody has looked yet")


@dataclass
class Released:
    """The release under way, its run, and the Prefect that it runs in."""

    world: Held
    sut: Runtime
    run: UUID

    async def until(self, met: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not met():
                await asyncio.sleep(0.02)


async def phase(world: World, *wanted: Phase) -> None:
    async with asyncio.timeout(PATIENCE):
        while (world.cluster.now("Canary", NAME, NAMESPACE).get("status") or {}).get("phase") not in wanted:
            await asyncio.sleep(0.02)


@pytest.fixture
async def released(sut: Runtime, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Released]:
    """Its run waits for the person, at `AT` percent."""
    for module in (roll_back, finalise, initialise, promote):
        monkeypatch.setattr(module, "DRAIN", 0)
    monkeypatch.setattr(observer, "HEARD_LOOK_EVERY", 0.5)
    monkeypatch.setattr(story, "PAUSE", 0.02)
    monkeypatch.setattr(ask_gate, "GATE_PAUSE", 0.1)
    monkeypatch.setattr(judging, "SEARCH", 0.02)
    world = Held(stops_at=0)
    await runtime.register_all(sut.settings, workflows=(ROLL_OUT,))
    named = {"namespace": NAMESPACE, "canary": NAME}
    async with connected(world.cluster, "tester", **world.parts()), sut.worker():
        await sut.start(ROLL_OUT, **named)
        await phase(world, Phase.INITIALIZED)
        world.push(NEW)
        run = await sut.start(ROLL_OUT, **named)
        await phase(world, Phase.WAITING_PROMOTION)
        assert weights(world) == [100 - AT, AT]
        world.said.clear()
        world.shared.clear()
        yield Released(world, sut, run)


async def failed(it: Released) -> None:
    await it.sut.set_state(it.run, {"type": "FAILED", "name": "Failed", "message": "by hand"})


async def deleted(it: Released) -> None:
    await it.sut.client.delete_flow_run(it.run)


@pytest.mark.parametrize(("force", "why"), [(failed, "was set to Failed"), (deleted, "was deleted")])
async def test_a_release_is_carried_on_by_another_run_and_its_users_stay_where_they_are(
    released: Released, force: Callable[[Released], Awaitable[None]], why: str
) -> None:
    """People read why in the Canary; nobody is moved, and what it has shown is not lost."""
    world, sut = released.world, released.sut
    await force(released)
    await released.until(lambda: f"Another run goes on with 2: the run that carried it {why}" in world.said)
    async with asyncio.timeout(PATIENCE):
        while not (carrying := await others(sut, released.run)):
            await asyncio.sleep(0.05)
    assert world.shared == []
    world.opened = True
    await sut.until_state(carrying[0].id, "Promoted")
    assert (status(world)["phase"], weights(world)) == (Phase.SUCCEEDED, [100, 0])
    assert world.shared == [100, 0]


async def test_cancelled_by_force_takes_the_release_home(released: Released) -> None:
    """That is a wish, and no accident: no other run carries it on."""
    world, sut = released.world, released.sut
    await sut.set_state(released.run, {"type": "CANCELLED", "name": "Cancelled"})
    await phase(world, Phase.FAILED)
    assert (weights(world), ready(world, NAME)) == ([100, 0], 0)
    assert "cancelled by a person" in message(world)
    assert not await others(sut, released.run)
    assert not [one for one in world.said if "Another run" in one]
