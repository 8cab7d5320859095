"""Prefect's event bus over Redis: the parts that are replaced are still there, and a message costs few commands."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from prefect.server.events.services import event_persister
from prefect.server.services import task_run_recorder
from prefect.server.utilities.messaging import BrokerModule, CacheModule, Message
from prefect_redis import client, messaging

from deployments.server import redis_bus
from deployments.server.embedded import environment
from lab.parts import databases
from lab.paths import LabPaths

PORT = 26380
"""Not the bench's: one may be running."""
MESSAGES = 30


def test_the_server_is_given_it_and_it_is_what_prefect_asks_for() -> None:
    """Where a server has a Redis."""
    given = environment(Path("/home"), "127.0.0.1", 4200, redis="redis://127.0.0.1:6379/0")
    broker = importlib.import_module(given["PREFECT_MESSAGING_BROKER"])
    assert broker is importlib.import_module(given["PREFECT_MESSAGING_CACHE"]) is redis_bus
    assert isinstance(broker, BrokerModule)
    assert isinstance(broker, CacheModule)
    assert "PREFECT_MESSAGING_BROKER" not in environment(Path("/home"), "127.0.0.1", 4200)


def test_prefect_still_looks_for_what_was_left_before_each_read() -> None:
    """By a method of that name, and its settings and keys by those names."""
    run = inspect.getsource(messaging.Consumer.run)
    assert run.index("self.process_pending_messages(") < run.index("redis_client.xreadgroup(")
    assert "= RedisMessagingPublisherSettings()" in inspect.getsource(messaging.Publisher.__init__)
    assert list(inspect.signature(vars(messaging)["_deduplication_key"]).parameters) == ["topic", "attribute_value"]


def test_those_who_gather_still_have_these_names_and_write_in_batches() -> None:
    """Each waits a second or two with what it has read."""
    sources = (inspect.getsource(event_persister), inspect.getsource(task_run_recorder))
    for group, source in zip(redis_bus.PATIENT, sources, strict=True):
        assert f'group="{group}"' in source
        assert "flush_periodically" in source


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """A Redis of its own that Prefect's bus uses."""
    home = tmp_path / "private"
    home.mkdir(mode=0o700)
    places = LabPaths(home)
    for folder in (places.logs, places.data):
        folder.mkdir(parents=True)
    databases.install()
    running = databases.start_redis(places, PORT)
    url = databases.REDIS_URL.replace("16379", str(PORT))
    monkeypatch.setenv("PREFECT_REDIS_MESSAGING_URL", url)
    monkeypatch.setattr(client, "_client_cache", {})
    try:
        yield redis.Redis.from_url(url)
    finally:
        running.stop()


@pytest.mark.lab
@pytest.mark.parametrize("group", ["reactive-triggers", "event-persister"])
async def test_a_message_costs_few_commands_and_none_is_lost(counting: redis.Redis, group: str) -> None:
    """Each comes for itself; those that are written in batches are read so."""
    got: list[str] = []
    all_there = asyncio.Event()

    async def handler(message: Message) -> None:
        got.append(str(message.data))
        if len(got) == MESSAGES:
            all_there.set()

    topic = uuid4().hex
    consumer = redis_bus.Consumer(topic, group=group, name="one", read_batch_size=100)
    running = asyncio.create_task(consumer.run(handler))
    counting.config_resetstat()
    reads = vars(messaging)["RedisMessagingPublisherSettings"].cache_info().misses
    for number in range(MESSAGES):
        key = str(number // 2 * 2)  # each second one was seen before
        async with redis_bus.Publisher(topic, redis_bus.Cache(), deduplicate_by="id") as publisher:
            await publisher.publish_data(str(number).encode(), {"id": key})
        async with redis_bus.Publisher(topic, redis_bus.Cache()) as publisher:
            await publisher.publish_data(f"again {number}".encode(), {}) if number % 2 else None
        await asyncio.sleep(0.02)
    async with asyncio.timeout(20):
        await all_there.wait()
    await asyncio.sleep(2 * redis_bus.GATHER)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    calls: dict[str, Any] = {name: row["calls"] for name, row in counting.info("commandstats").items()}
    assert sorted(got) == sorted(
        [str(number) for number in range(0, MESSAGES, 2)] + [f"again {number}" for number in range(1, MESSAGES, 2)]
    )
    assert calls["cmdstat_set"] == calls["cmdstat_xadd"] == MESSAGES
    assert "cmdstat_exec" not in calls
    assert calls["cmdstat_xautoclaim"] <= 4
    assert (calls["cmdstat_xack"] < MESSAGES / 2) is (group in redis_bus.PATIENT)
    assert vars(messaging)["RedisMessagingPublisherSettings"].cache_info().misses <= max(reads, 1)


@pytest.mark.lab
async def test_what_another_reader_left_is_read(counting: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that dies in the middle of a message leaves it to the next."""
    topic = uuid4().hex
    read, done = asyncio.Event(), asyncio.Event()

    async def dies(_message: Message) -> None:
        read.set()
        await asyncio.Event().wait()

    async def finds(message: Message) -> None:
        assert message.data == "left"
        done.set()

    def reader(name: str) -> redis_bus.Consumer:
        return redis_bus.Consumer(topic, group="actions", name=name, min_idle_time=messaging.timedelta(milliseconds=50))

    first = asyncio.create_task(reader("first").run(dies))
    async with redis_bus.Publisher(topic, redis_bus.Cache()) as publisher:
        await publisher.publish_data(b"left", {})
    await read.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    second = asyncio.create_task(reader("second").run(finds))
    async with asyncio.timeout(20):
        await done.wait()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
