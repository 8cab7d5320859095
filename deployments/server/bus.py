"""What the readers of Prefect's event bus in its server are spared: private parts of Prefect's server, for one version.

Four services read every event: one stores it, one looks for automations, one writes task runs, one serves websockets. Each
parses it first and then asks whether it concerns it. Most events of a rollout are those of its task runs, and they concern
one of the four. Here each is asked before, by the event's name, which travels next to it.

What became of a task run, of which only its row is made, does not take the bus at all where the server that receives it
makes the row: half of all events of a release went over Redis, to four readers each, for one of them next door.

One thing is left out for it: what has a row of its own in Prefect's database, a task run's state or an artifact, is not
stored once more in the event feed, where it cost ten rows. Automations on such events work as before.

`tests/deployments/server/test_bus.py` fails when one of these parts changes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import UUID

from prefect.server.events import stream, triggers
from prefect.server.events.filters import EventFilter
from prefect.server.events.messaging import EventPublisher
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.server.events.services import event_persister
from prefect.server.services import task_run_recorder
from prefect.server.utilities.messaging import Message, MessageHandler

from sluice.recent import Recent

Reader = Callable[..., AbstractAsyncContextManager[MessageHandler]]
Wants = Callable[[str], bool]
TASK_RUNS = "prefect.task-run."
RECEIVED = 5000
"""Events that came without the bus whose ids are remembered: a worker that had no answer sends one again."""
ROWS_OF_THEIR_OWN = (TASK_RUNS, "prefect.artifact.", "prefect.artifact-collection.")


class NextDoor:
    """The way from where events are received to the reader that makes rows of task runs, in one process.

    Attributes:
        record: that reader while it reads; None where its service does not run here.
        others: whether other servers share the bus: what they have to do with an event is not known here.
    """

    def __init__(self) -> None:
        self.record: MessageHandler | None = None
        self.others = False
        self._seen: Recent[UUID, bool] = Recent(RECEIVED)

    async def takes(self, event: ReceivedEvent) -> bool:
        """Hand an event over where nobody else wants it; whether that was done. Of an artifact nobody at all does then."""
        name = event.event
        if is_stored(name) or self.others or may_start_something(name) or is_listened_to(name):
            return False
        if not is_of_a_task_run(name):
            return True
        if self.record is None:
            return False
        if event.id not in self._seen:
            await self.record(_Here(event))
            self._seen[event.id] = True  # not before: what failed comes again
        return True


next_door = NextDoor()


def spare_readers() -> None:
    """Put it in place. Once, before the server's services start."""
    hand_over_next_door()
    for module, name, wants in (
        (event_persister, "create_handler", is_stored),
        (triggers, "consumer", may_start_something),
        (task_run_recorder, "consumer", is_of_a_task_run),
        (stream, "distributor", is_listened_to),
    ):
        vars(module)[name] = _only(vars(module)[name], wants)


def hand_over_next_door() -> None:
    """Let events of task runs go from their receipt to the reader that makes rows of them."""
    names: Any = vars(task_run_recorder)
    make, parse, publish = names["consumer"], ReceivedEvent.model_validate_json, EventPublisher.publish_event

    @asynccontextmanager
    async def consumer(*args: Any, **options: Any) -> AsyncIterator[MessageHandler]:
        async with make(*args, **options) as handler:
            next_door.record = handler
            try:
                yield handler
            finally:
                next_door.record = None

    async def publish_event(self: EventPublisher, event: ReceivedEvent) -> None:
        if not await next_door.takes(event):
            await publish(self, event)

    def read(data: Any) -> ReceivedEvent:
        return data if isinstance(data, ReceivedEvent) else parse(data)

    names |= {"consumer": consumer, "ReceivedEvent": SimpleNamespace(model_validate_json=read)}
    EventPublisher.publish_event = publish_event  # type: ignore[method-assign]


class _Here(SimpleNamespace):
    """A message that was not written out."""

    attributes: ClassVar[dict[str, Any]] = {}

    def __init__(self, event: ReceivedEvent) -> None:
        super().__init__(data=event)


def _only(make: Reader, wants: Wants) -> Reader:
    @asynccontextmanager
    async def reader(*args: Any, **options: Any) -> AsyncIterator[MessageHandler]:
        async with make(*args, **options) as handler:

            async def handle(message: Message) -> None:
                name = (message.attributes or {}).get("event")
                if name is None or wants(name):
                    await handler(message)

            yield handle

    return reader


def is_stored(name: str) -> bool:
    """Whether an event goes into the event feed."""
    return not name.startswith(ROWS_OF_THEIR_OWN)


def is_of_a_task_run(name: str) -> bool:
    """Whether an event says what became of a task run."""
    return name.startswith(TASK_RUNS)


def may_start_something(name: str) -> bool:
    """Whether an automation could wait for an event, or for one of its family.

    By families, `prefect.task-run` or `prefect.flow-run`, because an event is handled after the one that it follows, which
    is one of its family: where one is waited for, all are read.
    """
    family = ".".join(name.split(".")[:2])
    return any(
        literal.startswith(family) or family.startswith(literal)
        for literal in map(_literal, vars(triggers)["_triggers_by_expect"])
    )


def _literal(pattern: str) -> str:
    """What a pattern begins with, up to its first wildcard."""
    return pattern[: min((at for sign in "*?[" if (at := pattern.find(sign)) >= 0), default=len(pattern))]


def is_listened_to(name: str) -> bool:
    """Whether a websocket may want an event."""
    return any(_admits(one, name) for one in stream.filters.values())


def _admits(wanted: EventFilter, name: str) -> bool:
    named: Any = SimpleNamespace(event=name)
    return wanted.event is None or wanted.event.includes(named)
