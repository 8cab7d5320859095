"""Every private part of Prefect's server that sluice leans on, for one version.

Those of its event bus are in `bus`, of its automations in `firing`, of its database in `database` and `rows`, of its
requests in `requests` and `readiness`, and what it need not find out twice in `remembered`.

`deployments.server.process` puts them in place before it serves. They change how fast and how surely the server does what
it does, never what its API means: a worker cannot tell such a server from Prefect's own.

`tests/deployments/worker/test_engine.py` fails when one of these parts changes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from prefect.server.api import server as api_server
from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration
from prefect.server.events.schemas.automations import TriggeredAction
from prefect.server.events.services import actions
from prefect.server.utilities.messaging import Consumer, MessageHandler
from prefect.utilities.schema_tools import validation
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

from blocks.prefect.runs import run_key
from deployments.server.bus import spare_readers
from deployments.server.database import spare_database
from deployments.server.firing import fire_without_counting
from deployments.server.garbage import search_seldom
from deployments.server.readiness import write_readiness_now_and_then
from deployments.server.remembered import remember
from deployments.server.requests import shorten_the_way
from deployments.server.rows import spare_rows

ACTIONS_AT_ONCE = 8
"""Flow runs that automations start at the same time."""
SCHEMAS = 256
"""Sound schemas that are remembered."""
_writes: ContextVar[bool] = ContextVar("sluice_writes", default=False)


def install() -> None:
    """Put all of it in place. Once, before the server's application is made."""
    queue_sqlite_writers()
    build_the_application_once()
    name_runs_by_their_event()
    take_actions_side_by_side()
    spare_readers()
    spare_database()
    spare_rows()
    fire_without_counting()
    write_readiness_now_and_then()
    remember()
    check_a_schema_once()


def queue_sqlite_writers() -> None:
    """Let the server's transactions on SQLite queue up for the write lock when they begin, first come, first served.

    Prefect begins most of them as readers. One that writes after another has committed meanwhile fails at once as
    "database is locked", no time-out helps, and the automation that wanted to start a flow run tries again after 2, 6
    or 14 s. On an idle machine one event in five met that.

    They queue in the process, since SQLite's own way to wait is to sleep and try again: in a burst it leaves the
    database idle for most of the time and lets the unlucky wait for minutes. SQLite's lock stays for other processes.
    """
    turn = asyncio.Lock()

    @asynccontextmanager
    async def begin_transaction(
        _self: AioSqliteConfiguration, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncIterator[AsyncSessionTransaction]:
        if _writes.get():  # a transaction inside another one: waiting for our own turn would be for ever
            async with _immediate(session) as transaction:
                yield transaction
            return
        async with turn:
            token = _writes.set(True)
            try:
                async with _immediate(session) as transaction:
                    yield transaction
            finally:
                _writes.reset(token)

    AioSqliteConfiguration.begin_transaction = begin_transaction  # type: ignore[method-assign, assignment]


@asynccontextmanager
async def _immediate(session: AsyncSession) -> AsyncIterator[AsyncSessionTransaction]:
    async with session.begin() as transaction:
        token = SQLITE_BEGIN_MODE.set("IMMEDIATE")
        try:
            await session.connection()  # begins now, in this mode
        finally:
            SQLITE_BEGIN_MODE.reset(token)
        yield transaction


def build_the_application_once() -> None:
    """Give the server's inner clients the application that serves already.

    Each action of an automation asks for it, and Prefect then hashes all of its settings and sets up its logging anew
    to find that it is the same: half of the server's time in a burst of events.
    """
    build: Callable[..., Any] = api_server.create_app
    built: list[Any] = []

    def create_app(*args: Any, **kwargs: Any) -> Any:
        if args or kwargs:
            return build(*args, **kwargs)
        if not built:
            built.append(build())
            shorten_the_way(built[0].api_app)
            search_seldom()
        return built[0]

    api_server.create_app = create_app


def name_runs_by_their_event() -> None:
    """Let the flow run that an automation starts carry the event's id in its idempotency key.

    Prefect makes a new key for each firing, so that an event that fires twice (received by two servers, or again after a
    restart, which empties Prefect's memory of events) starts two runs. With the event in the key the database itself
    allows one, and a worker may start a run for an event that has none (`tasks.upkeep.find_unanswered`).
    """

    def idempotency_key(self: TriggeredAction) -> str:
        event = self.triggering_event
        return run_key(self.automation.id, self.action_index, event.id if event else self.id)

    TriggeredAction.idempotency_key = idempotency_key  # type: ignore[method-assign]


def check_a_schema_once() -> None:
    """Remember which schemas of parameters are sound.

    Prefect holds the schemas of deployment and work pool against the definition of schemas itself whenever a flow run is
    created: a quarter of what that costs. Whether the parameters fit is checked each time, as before.
    """
    validator: Any = vars(validation)["_VALIDATOR"]
    check, sound = validator.check_schema, dict[str, None]()

    def check_schema(schema: Any, *args: Any, **options: Any) -> None:
        key = json.dumps(schema, sort_keys=True, default=repr)
        if key not in sound:
            check(schema, *args, **options)
            sound[key] = None
            if len(sound) > SCHEMAS:
                del sound[next(iter(sound))]

    validator.check_schema = check_schema


class _SideBySide:
    """Several consumers of one group that look like one."""

    def __init__(self, consumers: list[Consumer]) -> None:
        self.consumers = consumers

    async def run(self, handler: MessageHandler) -> None:
        await asyncio.gather(*(consumer.run(handler) for consumer in self.consumers))

    async def cleanup(self) -> None:
        await asyncio.gather(*(consumer.cleanup() for consumer in self.consumers))


def take_actions_side_by_side() -> None:
    """Let automations start several flow runs at once.

    With Redis, Prefect carries out one action after the other, and each waits for a dozen answers of the database: a
    burst of events started one run a second while the server was idle for most of it. The order of runs is not kept by
    the queue either way, and the database allows one run an event.
    """
    names_of_service = vars(actions)
    create = names_of_service["create_consumer"]

    def create_consumer(topic: str, name: str | None = None, **options: Any) -> Any:
        first = create(topic, name=name, **options)
        if hasattr(first, "concurrency"):  # in memory: each consumer would get every message
            first.concurrency = ACTIONS_AT_ONCE
            return first
        names = [f"{name or topic}-{number}" for number in range(1, ACTIONS_AT_ONCE)]
        return _SideBySide([first, *(create(topic, name=one, **options) for one in names)])

    names_of_service["create_consumer"] = create_consumer
