"""What a person sees of rollouts in Prefect: how runs end, what their logs say, and what Retry does; with a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import State

from deployments.worker import engine
from flows import roll_out as story
from tasks.measuring import step as judging
from tasks.rollout import finalise, initialise, promote, roll_back
from tests.connected import connected
from tests.flows.ordinary import edit, message, status
from tests.flows.test_roll_out_stopped import NEW, NEWER, World
from tests.prefect_server import flows_run_at, free_port, prefect_server
from tests.samples import NAME, NAMESPACE

pytestmark = pytest.mark.server


class Chat:
    """A chat that keeps what it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def say(self, message: Any) -> None:
        self.texts.append(message.text)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    with prefect_server(tmp_path_factory.mktemp("home"), "127.0.0.1", free_port(), request.config) as address:
        yield address


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch, api: str) -> Iterator[None]:
    for module in (roll_back, finalise, initialise, promote):
        monkeypatch.setattr(module, "DRAIN", 0)
    monkeypatch.setattr(story, "PAUSE", 0)
    monkeypatch.setattr(judging, "SEARCH", 0.001)
    with flows_run_at(api):
        yield


async def rolled(**asked: Any) -> State[Any]:
    return await story.roll_out(namespace=NAMESPACE, canary=NAME, return_state=True, **asked)  # type: ignore[no-any-return]


async def lines(state: State[Any]) -> list[str]:
    """The log of a run, in order."""
    await engine.drain(5.0)
    run = state.state_details.flow_run_id
    assert run is not None
    async with get_client() as client:
        found = await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run])), limit=200)
    return [one.message for one in sorted(found, key=lambda one: one.timestamp)]


async def test_a_release_that_was_rolled_back_is_a_failed_run_with_its_reason_and_its_story() -> None:
    """Red in the list; the log has each decision once, with what it rests on."""
    world, chat = World(stops_at=0), Chat()
    async with connected(world.cluster, "worker", **{**world.parts(), "chat": chat}):
        assert (await rolled()).name == "Initialised"
        world.push(NEW)
        world.good = False
        state = await rolled()
        assert (state.name, state.is_failed()) == ("Rolled back", True)
        assert state.message is not None
        assert state.message.startswith("rolled back: own ")
        logged = await lines(state)
        story_ = [
            one for one in logged if one.startswith(("begin", "scale up", "shift traffic", "analyse", "roll back"))
        ]
        assert [one.partition(":")[0] for one in story_] == [
            "begin",
            "scale up",
            "shift traffic to 10 % of the traffic",
            "analyse step 1 at 10 % of the traffic",
            "roll back",
        ]
        assert (await rolled()).name == "Refused"
        world.good = True
        again = await rolled(retry_refused=True)
        assert (again.name, again.is_completed()) == ("Promoted", True)


async def test_retry_of_a_run_that_has_ended_tries_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its former end, which the journal remembers for runs that go on after a crash, does not stand in its way."""
    world = World(stops_at=0)
    async with connected(world.cluster, "worker", **world.parts()):
        await rolled()
        world.push(NEW)
        world.good = False
        assert (await rolled()).name == "Rolled back"

        async def once() -> int:
            return 1

        monkeypatch.setattr(story, "tries", once)
        world.good = True
        assert (await rolled()).name == "Promoted"
    assert status(world)["ends"][-1]["run"].endswith("#1")


async def test_a_run_that_fails_is_reported_once_for_each_cause_and_counted() -> None:
    """In chat and on the Canary, with the way out; what fails again each minute is one message."""
    world, chat = World(stops_at=0), Chat()
    async with connected(world.cluster, "worker", **{**world.parts(), "chat": chat}):
        await rolled()
        edit(world, {"analysis": {"stepWeights": [60, 10]}})
        await asyncio.sleep(0.01)
        for _ in range(3):
            assert (await rolled()).is_failed()
        edit(world, {"analysis": {"stepWeights": [200]}})
        await asyncio.sleep(0.01)
        assert (await rolled()).is_failed()
        stalled = [one for one in status(world)["conditions"] if one["type"] == "Stalled"]
        assert ["must rise" in one for one in chat.texts] == [True, False]
        assert "between 1 and 100" in stalled[0]["message"]
        edit(world, {"analysis": {"stepWeights": [10]}})
        world.push(NEW)
        assert (await rolled()).name == "Promoted"
        assert not [one for one in status(world)["conditions"] if one["type"] == "Stalled"]


async def test_a_run_whose_canary_is_gone_says_so_and_does_not_fail() -> None:
    """Somebody deleted it before the run's turn came: there is nobody who would have to do something."""
    world = World(stops_at=0)
    world.cluster.objects.clear()
    async with connected(world.cluster, "worker", **world.parts()):
        assert (await rolled()).name == "Deleted"


async def test_what_is_posted_names_the_version_that_it_is_about() -> None:
    """The run of a newer revision that finishes an older one's rollback does not put it down to its own."""
    world, chat = World(stops_at=0), Chat()
    async with connected(world.cluster, "worker", **{**world.parts(), "chat": chat}):
        await rolled()
        world.push(NEW)
        world.good = False

        class Dies(BaseException):
            pass

        def dies(when: str, verb: str, item: dict[str, Any]) -> None:
            if when == "after" and item["kind"] == "Canary" and (item.get("status") or {}).get("rollbackReason"):
                world.cluster.hooks.remove(dies)
                raise Dies

        world.cluster.hooks.append(dies)
        with pytest.raises(Dies):
            await rolled()
        world.good = True
        world.push(NEWER)
        await asyncio.sleep(0.01)
        chat.texts.clear()
        assert (await rolled()).name == "Promoted"
    assert "3 is promoted" in message(world)
    ended = [one.partition(":")[0].removeprefix(f"{NAMESPACE}/") for one in chat.texts]
    assert ended == [f"{NAME}@2 rolled back", f"{NAME}@3 started", f"{NAME}@3 promoted"]
