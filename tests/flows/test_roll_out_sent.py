"""Who listens to CDEvents hears of each release, in order, with the same ids however often."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from blocks.connections import connections
from blocks.kubernetes.kinds import CANARY
from blocks.marking import Marking
from sluice.errors import TerminalError, TransientError
from sluice.rollout.decision import Outcome
from tasks.marks.find_unmarked import mark_missed, unmarked
from tests.connected import connected
from tests.flows.test_roll_out_marked import Watched
from tests.flows.test_roll_out_stopped import NEW, one_run
from tests.samples import NAME, NAMESPACE, merged

pytestmark = pytest.mark.usefixtures("hurried")


@dataclass
class Listener:
    """A sink; `errors` are what it comes to in turn before it takes something."""

    errors: list[Exception] = field(default_factory=list)
    got: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, events: tuple[dict[str, Any], ...]) -> None:
        self.got += events
        if self.errors:
            raise self.errors.pop(0)

    @property
    def types(self) -> list[str]:
        """Each event once, by its id."""
        once = {one["context"]["id"]: one["context"]["type"] for one in self.got}
        return [".".join(one.split(".")[2:4]) for one in once.values()]


def has_sent(world: Watched, what: str) -> bool:
    marked = world.cluster.now("Canary", NAME, NAMESPACE)["status"].get("marked") or {}
    return any(one["sent"] == what for one in marked.values())


async def released(world: Watched, listener: Any) -> Outcome:
    async with asyncio.timeout(60), connected(world.cluster, "worker", **world.parts(), marking=Marking(sink=listener)):
        await one_run("initialise")
        world.push(NEW)
        outcome = await one_run("release")
        canary = world.cluster.now("Canary", NAME, NAMESPACE)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 120))
        world.cluster.add(merged(canary, {"status": {"lastTransitionTime": stamp}}))
        connections().informers.learn(CANARY, world.cluster.now("Canary", NAME, NAMESPACE))
        await mark_missed.fn(await unmarked())
        assert await unmarked() == []
        return outcome


async def test_a_release_is_told_from_its_beginning_to_its_end() -> None:
    """The first version, then the next one; what serves users is what the event names."""
    world, listener = Watched(stops_at=0), Listener()
    world.until = lambda: has_sent(world, "in progress")
    assert await released(world, listener) is Outcome.PROMOTED
    assert listener.types == ["service.deployed", "pipelinerun.started", "service.upgraded", "pipelinerun.finished"]
    upgraded = next(one for one in listener.got if "upgraded" in one["context"]["type"])
    assert upgraded["subject"]["id"] == f"{NAMESPACE}/{NAME}"
    assert upgraded["subject"]["content"]["artifactId"].endswith("&tag=2")
    assert upgraded["subject"]["content"]["environment"]["id"] == "cluster"


async def test_a_release_that_fails_names_what_goes_on_serving() -> None:
    """And why."""
    world, listener = Watched(stops_at=0, good=False), Listener()
    world.until = lambda: has_sent(world, "in progress")
    assert await released(world, listener) is Outcome.ROLLED_BACK
    assert listener.types == ["service.deployed", "pipelinerun.started", "service.rolledback", "pipelinerun.finished"]
    back, finished = listener.got[-2:]
    assert back["subject"]["content"]["artifactId"].endswith("&tag=1")
    assert (finished["subject"]["content"]["outcome"], "own" in finished["subject"]["content"]["errors"]) == (
        "failure",
        True,
    )


async def test_what_a_sink_did_not_take_is_told_later_with_the_same_ids() -> None:
    """Its answer may have been lost: it knows them again."""
    world, listener = Watched(stops_at=0), Listener([TransientError("away")] * 3)
    assert await released(world, listener) is Outcome.PROMOTED
    assert has_sent(world, "promoted")
    assert listener.types[-2:] == ["service.upgraded", "pipelinerun.finished"]


async def test_what_a_sink_refuses_is_said_on_the_canary_and_not_told_again() -> None:
    """The release is none the worse."""
    world, listener = Watched(stops_at=0), Listener([TerminalError("the sink of CDEvents answered 400")] * 9)
    assert await released(world, listener) is Outcome.PROMOTED
    events = [one["message"] for key, one in world.cluster.objects.items() if key[0] == "Event"]
    assert any("the sink of CDEvents answered 400" in one for one in events)
