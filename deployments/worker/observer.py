"""Learns what people ask of the runs of this process (Cancel, Pause, Resume), and that new runs are due.

The state in the API decides, never the event: an event on the websocket only says "look now", and where there is none
we look every two seconds (for wishes, while there is an event stream, every ten; for due runs, while there is none, four
times a second). So a lost event, a dead
websocket or a restarted server delays a wish and never loses it. One observer serves all runs of the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.states import Cancelling, Paused, Running

from deployments.worker import states
from tasks.run_signals import RunSignals

LOOK_EVERY = 2.0
DEAF_LOOK_EVERY = 0.25
"""Seconds between looks when no event asks for one; between looks for due runs while there is no event stream."""
HEARD_LOOK_EVERY = 10.0
"""Seconds between looks for wishes while the event stream reports them: a look names every run that is carried."""
SOON = 0.02
"""Seconds that wishes are gathered before a look, so that a hundred cancels are one question."""
SURE_AFTER = 1.0
"""Seconds after which a run that has an end, and whose code goes on, was given that end by somebody."""
DUE = ["Scheduled", "AwaitingRetry", "Resuming"]
WISHES = ["Cancelling", "Cancelled", "Suspended", "Paused", "Resuming", "Running"]
PREFIX = "prefect.flow-run."
PAGE = 200
"""Flow runs that Prefect answers at once, at most."""


async def make_holdable(client: PrefectClient, flow_run: FlowRun) -> None:
    """Make a pause from the UI one that a running process can hold.

    The UI's Pause sets Suspended with a deadline: resuming would start the flow a second time, and the deadline would
    end the run as Failed. A plain Paused without deadline goes back to Running on Resume.
    """
    seen = flow_run.state
    if seen and (seen.state_details.pause_reschedule or seen.state_details.pause_timeout):
        await states.replace(client, flow_run.id, seen, Paused(message="Paused until somebody resumes it."))


class Observer:
    """Keeps the marks of the runs carried here in line with their states in the API."""

    def __init__(self, client: PrefectClient, carried: Callable[[UUID], RunSignals | None], due: asyncio.Event) -> None:
        """
        Args:
            client: an open client.
            carried: the marks of a run that this process holds, None for others.
            due: set when a flow run may be due, or when there is room for one again.
        """
        self._client = client
        self._carried = carried
        self._wanted = asyncio.Event()
        self._due = due
        self._listening = False
        self._ends: dict[UUID, float] = {}

    async def listen(self) -> None:
        """Follow the event stream until it breaks; run it again and again."""
        names = [PREFIX + name for name in {*WISHES, *DUE}]
        async with get_events_subscriber(filter=EventFilter(event=EventNameFilter(name=names))) as events:
            self._wanted.set()  # whatever happened while nobody listened
            self._due.set()
            self._listening = True
            try:
                async for event in events:
                    self._hear(event.event.removeprefix(PREFIX), UUID(event.resource.id.removeprefix(PREFIX)))
            finally:
                self._listening = False

    def _hear(self, name: str, key: UUID) -> None:
        if name in DUE:
            self._due.set()
        signals = self._carried(key)
        if signals is not None and (name != "Running" or signals.paused):  # a start is no wish, a resume is
            self._wanted.set()

    async def next_due(self) -> None:
        """Wait until it is worth looking for due runs. A look costs the server a query, so a quiet installation is quiet."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY if self._listening else DEAF_LOOK_EVERY):
                await self._due.wait()
        self._due.clear()

    async def next_look(self) -> None:
        """Wait until a look is due."""
        try:
            async with asyncio.timeout(HEARD_LOOK_EVERY if self._listening else LOOK_EVERY):
                await self._wanted.wait()
            await asyncio.sleep(SOON)
        except TimeoutError:
            pass
        self._wanted.clear()

    async def look(
        self, ids: Collection[UUID], cancel: Callable[[UUID], None], ended: Callable[[UUID, str], None]
    ) -> None:
        """Bring the marks of these runs up to date.

        Resume needs no trace of its own: a carried run that was paused and is not in the answer is Running again.

        Args:
            ids: the runs that this process carries.
            cancel: called for those that somebody wants to end.
            ended: called for those that have an end in Prefect while their code goes on, with what somebody did to them.
        """
        if not ids:
            self._ends.clear()
            return
        stopped = {flow_run.id: flow_run for flow_run in await self._not_running(ids)}
        gone = await self._gone(ids)
        self._see_ends({key: run.state for key, run in stopped.items()}, gone, ended)
        for key in ids:
            signals = self._carried(key)
            if signals is None:
                continue
            flow_run = stopped.get(key)
            if flow_run is None or flow_run.state is None:
                signals.paused = False
            elif flow_run.state.is_cancelling() or flow_run.state.is_cancelled():
                signals.paused = False
                if flow_run.state.is_cancelled() and not signals.cancelled:
                    # Set by force: the code has still to come home, and a crash meanwhile must not end that.
                    await states.replace(self._client, key, flow_run.state, Cancelling())
                cancel(key)
            elif flow_run.state.is_paused():
                signals.paused = True
                await make_holdable(self._client, flow_run)
            elif flow_run.state.name == "Resuming":
                # Resume met the Suspended state before `make_holdable` had changed it, and so put the run on the
                # schedule; it runs here already.
                await states.replace(self._client, key, flow_run.state, Running())
                signals.paused = False

    def _see_ends(
        self,
        found: Mapping[UUID, State[Any] | None],
        gone: Collection[UUID],
        ended: Callable[[UUID, str], None],
    ) -> None:
        """Find the runs to which somebody gave an end. One that ends by itself is seen so for a moment at most."""
        ends: dict[UUID, str] = dict.fromkeys(gone, "was deleted")
        for key, state in found.items():
            if state is not None and state.is_final() and not state.is_cancelled():
                ends[key] = f"was set to {state.name}"
        now = time.monotonic()
        self._ends = {key: self._ends.get(key, now) for key in ends}
        for key, since in self._ends.items():
            signals = self._carried(key)
            if now - since >= SURE_AFTER and signals is not None and not signals.cancelled:
                ended(key, ends[key])

    async def _gone(self, ids: Collection[UUID]) -> set[UUID]:
        """Those that somebody deleted. One cheap question as long as none was."""
        asked = FlowRunFilter(id=FlowRunFilterId(any_=list(ids)))
        if await self._client.count_flow_runs(flow_run_filter=asked) == len(ids):
            return set()
        there: set[UUID] = set()
        offset = 0
        while page := await self._client.read_flow_runs(flow_run_filter=asked, limit=PAGE, offset=offset):
            there |= {run.id for run in page}
            offset += len(page)
            if len(page) < PAGE:
                break
        return set(ids) - there

    async def _not_running(self, ids: Collection[UUID]) -> list[FlowRun]:
        found: list[FlowRun] = []
        wanted = FlowRunFilter(
            id=FlowRunFilterId(any_=list(ids)),
            state=FlowRunFilterState(type=FlowRunFilterStateType(not_any_=[StateType.RUNNING])),
        )
        while len(page := await self._client.read_flow_runs(flow_run_filter=wanted, limit=PAGE, offset=len(found))):
            found += page
            if len(page) < PAGE:
                break
        return found
