"""What a run costs Prefect's server in calls, and that nothing of what they said is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import AwaitingRetry, Completed

from deployments.worker.claim import RunClient, claim
from deployments.worker.identity import Identity, holder
from tests.deployments.conftest import DELIVER, HOLD, Runtime

pytestmark = pytest.mark.server


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[UUID, dict[str, Any]]]:
    """What goes to the server of flow runs."""
    sent: list[tuple[UUID, dict[str, Any]]] = []

    async def update(_client: PrefectClient, flow_run_id: UUID, **fields: Any) -> None:
        if fields.get("name") == "away":
            raise httpx.ConnectError("away")
        sent.append((flow_run_id, fields))

    monkeypatch.setattr(PrefectClient, "update_flow_run", update)
    return sent


async def test_what_is_said_of_a_run_goes_in_one_call(said: list[tuple[UUID, dict[str, Any]]]) -> None:
    """Its carrier, its version and its name; what is said of another run goes at once."""
    run, other = FlowRun(id=uuid4(), flow_id=uuid4()), uuid4()
    async with PrefectClient("http://127.0.0.1:9/api") as client:
        own = RunClient.of(client, run, infrastructure_pid="worker:1:life")
        await own.update_flow_run(run.id, flow_version="1")
        await own.set_flow_run_name(run.id, "roll_out shop.test")
        await own.update_flow_run(other, name="another")
        assert await own.read_flow_run(run.id) is run
        await own.flush()
        await own.flush()
    whole = {"infrastructure_pid": "worker:1:life", "flow_version": "1", "name": "roll_out shop.test"}
    assert said == [(other, {"name": "another"}), (run.id, whole)]


async def test_what_could_not_be_written_is_written_later(said: list[tuple[UUID, dict[str, Any]]]) -> None:
    """The engine tries again until Prefect is back."""
    run = FlowRun(id=uuid4(), flow_id=uuid4())
    async with PrefectClient("http://127.0.0.1:9/api") as client:
        own = RunClient.of(client, run)
        await own.set_flow_run_name(run.id, "away")
        with pytest.raises(httpx.ConnectError):
            await own.flush()
        await own.set_flow_run_name(run.id, "back")
        await own.flush()
    assert said == [(run.id, {"name": "back"})]


async def test_a_run_costs_few_calls_and_carries_who_runs_it(sut: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its own: three states, one line about it. All that Prefect shows of it is there."""
    calls: Counter[str] = Counter()
    request = PrefectClient.request

    async def counted(client: PrefectClient, method: str, path: str, *args: Any, **given: Any) -> Any:
        if "{id}" in path or path.startswith("/flow_run_states"):
            calls[f"{method} {path}"] += 1
        return await request(client, method, path, *args, **given)

    monkeypatch.setattr(PrefectClient, "request", counted)
    async with sut.worker("tester") as worker:
        run = await sut.start(HOLD, name="counted")
        await sut.until(lambda: sut.notes(name="counted", event="started"))
        now = await sut.client.read_flow_run(run)
        assert Identity.parse(now.infrastructure_pid) == worker.identity
        assert (now.run_count, now.flow_version is not None) == (1, True)
        calls.clear()
        second = await sut.start(HOLD, name="second")
        sut.enough("counted", "second")
        await sut.until(lambda: sut.notes(name="second", event="ended"))
        assert calls["PATCH /flow_runs/{id}"] == 1
        assert calls["GET /flow_runs/{id}"] == calls["GET /flow_run_states/"] == 0
        assert (await sut.client.read_flow_run(second)).infrastructure_pid == str(worker.identity)


async def test_a_run_that_has_ended_meanwhile_is_not_claimed(sut: Runtime) -> None:
    """Prefect grants Pending to it: that it was not on the schedule shows in the time which Prefect does not copy."""
    run = await sut.client.read_flow_run(await sut.start(HOLD, name="ended"))
    await sut.client.set_flow_run_state(run.id, Completed(name="Promoted"), force=True)
    assert not await claim(sut.client, run, Identity.new("tester"))
    assert (await sut.state(run.id), await sut.history(run.id)) == (
        "Promoted",
        ["Scheduled", "Promoted", "Pending", "Promoted"],
    )


async def test_a_run_that_was_put_back_is_claimed_without_a_look(sut: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose worker stopped is on the schedule, too."""
    run = await sut.client.read_flow_run(await sut.start(HOLD, name="put back"))
    await sut.client.set_flow_run_state(run.id, AwaitingRetry(), force=True)
    monkeypatch.setattr(PrefectClient, "read_flow_run_states", None)
    assert await claim(sut.client, run, Identity.new("tester"))
    assert await sut.state(run.id) == "Pending"


async def test_a_short_flow_begins_with_one_call_after_its_claim(sut: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who carries it is in the state that it begins with; what else there is to say is said while its code runs."""
    begun, update = asyncio.Event(), PrefectClient.update_flow_run

    async def late(client: PrefectClient, flow_run_id: UUID, **fields: Any) -> Any:
        await begun.wait()
        return await update(client, flow_run_id, **fields)

    monkeypatch.setattr(PrefectClient, "update_flow_run", late)
    async with sut.worker("tester") as worker:
        run = await sut.start(DELIVER, image="a", tag="1", digest="d")
        await sut.until(lambda: sut.notes(tag="1"))
        while (now := await sut.client.read_flow_run(run)).state_name != "Running":
            await asyncio.sleep(0.02)
        assert (now.infrastructure_pid, holder(now)) == (None, worker.identity)
        begun.set()
        done = await sut.until_state(run, "Completed")
        assert Identity.parse(done.infrastructure_pid) == worker.identity
