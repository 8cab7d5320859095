"""Prefect's event bus over Redis, with fewer questions: what Prefect's settings for a broker and its memory name.

Prefect asks Redis at each turn of each reader for messages that another reader left, takes one message at a time where they
come one by one, and reads its settings once more for each event that it posts. Here a reader asks for what was left
every other second, one that writes in batches anyway gathers them before it reads, and the settings are read once.

`tests/deployments/server/test_redis_bus.py` fails when one of these parts changes.
"""

from __future__ import annotations

import asyncio
import functools
from time import monotonic
from typing import Any

from prefect_redis import messaging
from prefect_redis.messaging import break_topic, ephemeral_subscription

from deployments.server.bus import next_door

__all__ = ["Cache", "Consumer", "Publisher", "break_topic", "ephemeral_subscription"]

LEFT_EVERY = 2.0
"""Seconds between looks for what another reader left. Nothing counts as left for the first five."""
GATHER = 0.2
"""Seconds for which messages are gathered by those who write them in batches, each second or two."""
PATIENT = ("event-persister", "task-run-recorder")
"""Readers that do so, by their group."""
RECORDER = PATIENT[1]
ALIVE = 60.0
"""Seconds without a sign after which another server that shares the bus is taken to be gone."""
SOON = 0.025
"""Seconds between two looks of the other readers: of messages that come one by one each was a question of its own, with its
answer and a receipt. A run begins that much later at most."""
EVENTS = "events"
"""The topic of all events. That of what automations do is read at once."""
AT_ONCE = 100
"""Most messages of one answer to who hands them to websockets. Prefect takes one."""

next_door.others = True  # until it is known that there are none
Publisher = messaging.Publisher
vars(messaging)["RedisMessagingPublisherSettings"] = functools.cache(messaging.RedisMessagingPublisherSettings)


class Cache(messaging.Cache):  # type: ignore[misc]  # the package has no types
    """Prefect's memory of the messages that it has seen."""

    async def without_duplicates(self, attribute: str, messages: list[Any]) -> list[Any]:
        """One message, as most are, by one command and not by a transaction of three."""
        if len(messages) != 1 or attribute not in (messages[0].attributes or {}):
            return list(await super().without_duplicates(attribute, messages))
        key = vars(messaging)["_deduplication_key"](self.topic, messages[0].attributes[attribute])
        new = await self._client.set(key, "1", nx=True, ex=messaging.MESSAGE_DEDUPLICATION_LOOKBACK)
        return list(messages) if new else []  # a new list: the caller empties its own


class Consumer(messaging.Consumer):  # type: ignore[misc]
    """Prefect's reader of a topic."""

    _looked = -LEFT_EVERY

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.use_consumer_group:
            self._read_batch_size = AT_ONCE

    async def _has_others(self) -> bool:
        """Whether other servers read the same bus, or did a moment ago."""
        client = messaging.get_async_redis_client()
        readers = await client.xinfo_consumers(self.stream, self.group)
        return any(one["name"] != self.name and one["idle"] < 1000 * ALIVE for one in readers)

    async def _trim_stream_if_necessary(self, *args: Any) -> None:
        """What Prefect does after each read."""
        await super()._trim_stream_if_necessary(*args)
        if self.topic == EVENTS:
            await asyncio.sleep(SOON)

    async def process_pending_messages(self, *args: Any, **options: Any) -> None:
        """What Prefect does before each read."""
        if self.group in PATIENT:
            await asyncio.sleep(GATHER)
        if monotonic() - self._looked >= LEFT_EVERY:
            self._looked = monotonic()
            if self.group == RECORDER:
                next_door.others = await self._has_others()
            await super().process_pending_messages(*args, **options)
