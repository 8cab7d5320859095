"""How many events Prefect gets of a task run: enough for a person, a third of what its engine would send.

Prefect learns of task runs by events: three a run, each stored, looked at by every automation and recorded. At a hundred
stages a second that, and not the rollouts, is what a server spends its time on. So no event says that a task is pending,
which it is for a millisecond, and one that it runs is sent only for those that still run after a moment. And no line of
the run's log says that a task has completed, which its row says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect import task_engine
from prefect.client.schemas.objects import State, TaskRun
from prefect.events import Event

from sluice.recent import Recent

COMPLETED = "Finished in state Completed("
"""How the engine's line begins that says that a task has completed."""
MOMENT = 3.0
"""Seconds after which a task run that is not over is reported as running."""
MOST = 5000
"""Task runs at once of which it is known that they were reported as running. One that is stopped never reports its end."""
EMIT = "emit_task_run_state_change_event"
"""What the engine calls at each change of a task run's state; a private part of Prefect 3.8."""


@contextmanager
def brief() -> Iterator[None]:
    """Send fewer events for the duration of the block."""
    names = vars(task_engine)
    full = names[EMIT]
    names[EMIT] = _Brief(full)
    lines = logging.getLogger("prefect.task_runs")
    lines.addFilter(_is_news)
    try:
        yield
    finally:
        names[EMIT] = full
        lines.removeFilter(_is_news)


def _is_news(line: logging.LogRecord) -> bool:
    """Whether a line of a task's log says what no row says."""
    return line.levelno > logging.INFO or not line.getMessage().startswith(COMPLETED)


class _Brief:
    """Stands in for the engine's own function; calls it for the events that are to be sent."""

    def __init__(self, full: Any) -> None:
        self.full = full
        self.waiting: dict[UUID, asyncio.TimerHandle] = {}
        self.sent: Recent[UUID, Event] = Recent(MOST)

    def __call__(
        self,
        task_run: TaskRun,
        initial_state: State[Any] | None,
        validated_state: State[Any],
        follows: Event | None = None,
    ) -> Event | None:
        """What the engine keeps as the event that the next one follows is always ours to say."""
        key = task_run.id
        if validated_state.is_pending():
            return None
        if validated_state.is_running():
            # The run goes on changing while we wait: the event has the run as it is now.
            now = task_run.model_copy()
            tell = asyncio.get_running_loop().call_later(MOMENT, self._running, now, initial_state, validated_state)
            self.waiting[key] = tell
            return None
        tell_ = self.waiting.pop(key, None)
        if tell_ is not None:
            tell_.cancel()
        return self.full(task_run, initial_state, validated_state, follows=self.sent.pop(key, None))  # type: ignore[no-any-return]

    def _running(self, task_run: TaskRun, initial_state: State[Any] | None, state: State[Any]) -> None:
        self.waiting.pop(task_run.id, None)
        event = self.full(task_run, initial_state, state, follows=None)
        if event is not None:
            self.sent[task_run.id] = event
