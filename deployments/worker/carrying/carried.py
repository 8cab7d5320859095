"""A run that this process carries: its marks, its code, and how that is stopped from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from prefect.client.schemas.objects import FlowRun, State

from deployments.workflows import Queue
from tasks.run_signals import RunSignals

LEAVE_WITHIN = 8.0
"""Seconds that runs get to put their affairs in order when the worker stops."""


@dataclass(slots=True)
class Carried:
    """A run of this process: its marks, and its task once the code runs."""

    flow_run: FlowRun
    queue: Queue
    signals: RunSignals = field(default_factory=RunSignals)
    task: asyncio.Task[State[Any]] | None = None

    def cancel(self) -> None:
        """Stop its code because a person has cancelled it; once is enough."""
        if not self.signals.cancelled:
            self.signals.cancelled = True
            self._stop()

    def drop(self) -> None:
        """Stop its code and leave its state to the worker that carries it now."""
        self.signals.leaving = self.signals.lost = True
        self._stop()

    def leave(self) -> None:
        """Stop its code because this process stops: the same run goes on elsewhere, or later."""
        self.signals.leaving = True
        self._stop()

    def _stop(self) -> None:
        if self.task is not None:
            self.task.cancel()


async def leave(runs: Collection[Carried]) -> None:
    """Stop the code of every run; one that is cleaning up is left to finish, for so long."""
    for carried in runs:
        if not carried.signals.cancelled:
            carried.leave()
    tasks = {carried.task for carried in runs if carried.task is not None}
    if tasks:
        await asyncio.wait(tasks, timeout=LEAVE_WITHIN)
    for carried in runs:
        carried.leave()
