"""What became of task runs goes straight to the reader that makes rows of it, where nobody else wants it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from prefect.server.api import events as api
from prefect.server.events import stream, triggers
from prefect.server.events.filters import EventFilter, EventNameFilter
from prefect.server.events.messaging import EventPublisher, publish
from prefect.server.events.schemas.events import Event, ReceivedEvent
from prefect.server.services import task_run_recorder
from prefect.server.utilities.messaging import Message, create_consumer

from deployments.server import bus, remembered

COMPLETED = "prefect.task-run.Completed"


def happened(name: str = COMPLETED) -> ReceivedEvent:
    about = {"prefect.resource.id": f"prefect.task-run.{uuid4()}", "prefect.orchestration": "client"}
    return ReceivedEvent(id=uuid4(), occurred=datetime.now(UTC), event=name, resource=about)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Ids of the events that rows are made of, by Prefect's own reader; only the database is left out."""
    rows: list[Any] = []

    async def record(events: list[ReceivedEvent]) -> None:
        rows.extend(event.id for event in events)

    names = vars(task_run_recorder)
    for name in ("consumer", "ReceivedEvent"):
        monkeypatch.setitem(names, name, names[name])
    monkeypatch.setitem(names, "record_bulk_task_run_events", record)
    monkeypatch.setattr(EventPublisher, "publish_event", EventPublisher.publish_event)
    monkeypatch.setattr(bus, "next_door", bus.NextDoor())
    monkeypatch.setitem(vars(triggers), "_triggers_by_expect", {})
    bus.hand_over_next_door()
    return rows


@asynccontextmanager
async def over_the_bus() -> AsyncIterator[list[str]]:
    """What another reader of the bus gets."""
    got: list[str] = []

    async def note(message: Message) -> None:
        got.append(str((message.attributes or {})["id"]))

    consumer = create_consumer("events")
    reading = asyncio.create_task(consumer.run(note))
    await asyncio.sleep(0.1)
    try:
        yield got
        await asyncio.sleep(0.3)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def reader() -> Any:
    return vars(task_run_recorder)["consumer"](write_batch_size=1, flush_every=1)


async def test_one_that_only_its_row_needs_is_recorded_once_and_not_on_the_bus(recorded: list[Any]) -> None:
    """Also where its sender had no answer, and sends it again. Others take the bus."""
    mine, other = happened(), happened("sluice.target.changed")
    async with over_the_bus() as seen, reader():
        await publish([mine, other, mine])
    assert recorded == [mine.id]
    assert seen == [str(other.id)]


async def test_one_whose_row_could_not_be_made_is_taken_when_it_comes_again(recorded: list[Any]) -> None:
    """Its sender had an error for an answer, and sends it again."""
    tried: list[Any] = []

    async def away_at_first(message: Any) -> None:
        tried.append(message.data.id)
        if len(tried) == 1:
            raise ConnectionError

    bus.next_door.record = away_at_first
    mine = happened()
    with pytest.raises(ConnectionError):
        await bus.next_door.takes(mine)
    assert await bus.next_door.takes(mine)
    assert tried == [mine.id, mine.id]


@pytest.mark.parametrize("wanted", [False, True], ids=["nobody waits", "an automation waits"])
async def test_one_of_an_artifact_goes_nowhere_where_nobody_waits_for_it(
    recorded: list[Any], monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    """Its row is there already, and the event feed does not store it."""
    if wanted:
        monkeypatch.setitem(vars(triggers), "_triggers_by_expect", {"prefect.artifact-collection.*": {uuid4()}})
    made = happened("prefect.artifact-collection.created")
    async with over_the_bus() as seen, reader():
        await publish([made])
    assert (recorded, seen) == ([], [str(made.id)] if wanted else [])


@pytest.mark.parametrize("who", ["an automation", "a websocket", "another server", "no recorder here"])
async def test_one_that_somebody_else_may_want_takes_the_bus(
    recorded: list[Any], monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """As before; what makes its row reads it there."""
    mine = happened()
    if who == "an automation":
        monkeypatch.setitem(vars(triggers), "_triggers_by_expect", {"prefect.task-run.*": {uuid4()}})
    if who == "a websocket":
        wanted = EventFilter(event=EventNameFilter(prefix=["prefect.task-run."]))
        monkeypatch.setattr(stream, "filters", {asyncio.Queue(): wanted})
    async with over_the_bus() as seen, reader():
        bus.next_door.others = who == "another server"
        if who == "no recorder here":
            bus.next_door.record = None
        await publish([mine])
    assert (recorded, seen) == ([], [str(mine.id)])


async def test_what_comes_by_the_bus_is_still_read(recorded: list[Any]) -> None:
    """From another server, written out."""
    mine = happened()
    async with reader() as handler:
        await handler(type("Written", (), {"data": mine.model_dump_json().encode(), "attributes": {}})())
    assert recorded == [mine.id]


def test_an_event_that_came_is_what_was_sent_with_the_time_of_its_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Prefect's own way has it, to the last field."""
    sent = Event.model_validate_json(happened().model_dump_json(exclude={"received"}))
    when = datetime.now(UTC)
    before: Any = sent.receive(received=when)  # type: ignore[arg-type]
    monkeypatch.setattr(Event, "receive", Event.receive)
    remembered.remember_what_is_valid()
    after = sent.receive(received=when)  # type: ignore[arg-type]
    assert type(after) is ReceivedEvent
    assert after.model_dump_json() == before.model_dump_json()
    assert sent.receive().received.tzinfo is not None


def test_the_parts_that_are_replaced_are_still_there() -> None:
    """Where events come in, they are received and published by these names."""
    assert "publisher.publish_event(event.receive())" in inspect.getsource(api.stream_events_in)
    assert "ReceivedEvent.model_validate_json(message.data)" in inspect.getsource(task_run_recorder.consumer)
