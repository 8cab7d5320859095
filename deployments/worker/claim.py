"""One run, one worker: how a worker makes a due run its own, and what it then says of it.

Prefect's engine writes the flow's version, then the run's name, and reads the run again once it is running; the worker
writes who carries it. Each is a call, and a call costs the server as much as five rows. With `RunClient` they wait for the
state that lets the code begin, and what the engine reads is what it has already.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.exceptions import ObjectNotFound
from prefect.states import Pending

from deployments.worker import states
from deployments.worker.identity import CLAIM, Identity, holder
from deployments.workflows import Queue

RESUMED_WITHIN = timedelta(seconds=10)
"""Time that another worker gets to notice that a run it holds was resumed."""


async def claim(client: PrefectClient, flow_run: FlowRun, me: Identity) -> bool:
    """Propose Pending, which the server grants to one of several proposers; whether it was granted to us.

    The state says who; the mark on the run, which outlives the state, is written with the rest (`RunClient`).
    """
    wanted: State[Any] = Pending(message=f"{CLAIM}{me}")
    answer: OrchestrationResult[Any] = await client.set_flow_run_state(flow_run.id, wanted)
    if answer.status != SetStateStatus.ACCEPT:
        return False
    if answer.state is not None and answer.state.state_details.scheduled_time is not None:
        # Prefect copies the time from a Scheduled state and from no other: the run was due, and its past needs no look.
        return True
    met = await states.before(client, flow_run.id, answer.state)
    if met is not None and met.is_final():
        # Prefect grants Pending to a run that has ended, too. Ours was found due, then another worker took it and
        # was done before we asked: its end stands.
        await states.force(client, flow_run.id, met)
        return False
    return True


def resumes_elsewhere(flow_run: FlowRun, name: str) -> bool:
    """Whether Resume put a run on the schedule while its code runs in another worker, which is about to take it off."""
    who, when = holder(flow_run), flow_run.next_scheduled_start_time
    if flow_run.state_name != "Resuming" or who is None or who.name == name or when is None:
        return False
    return datetime.now(UTC) - when < RESUMED_WITHIN


class RunClient(PrefectClient):
    """Prefect's client as the engine of one flow run sees it; it shares its connections with another one."""

    run: FlowRun
    late: dict[str, Any]
    flushing: asyncio.Task[None] | None

    @classmethod
    def of(cls, client: PrefectClient, run: FlowRun, **late: Any) -> Self:
        """The client for a run's engine.

        Args:
            client: an open one, which is not closed by this one.
            run: as the engine keeps it up to date.
            late: what is to be written of the run before its code starts.
        """
        it = cls.__new__(cls)
        vars(it).update(vars(client) | {"run": run, "late": late, "flushing": None})
        return it

    async def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        """The run of this engine is known; another one is asked for."""
        return self.run if flow_run_id == self.run.id else await super().read_flow_run(flow_run_id)

    async def set_flow_run_name(self, flow_run_id: UUID, name: str) -> Any:
        """As any other thing that is said of the run."""
        return await self.update_flow_run(flow_run_id, name=name)

    async def update_flow_run(self, flow_run_id: UUID, *args: Any, **said: Any) -> Any:
        """Keep it until `flush`."""
        if flow_run_id != self.run.id or args:
            return await super().update_flow_run(flow_run_id, *args, **said)
        self.late |= said
        return None

    async def before(self, state: State[Any]) -> None:
        """Write what has to be known before the run is in this state.

        That is who carries it. The state with which a short flow begins says so itself, and its code waits for nothing else.
        """
        if self._begins(state):
            state.message = f"{CLAIM}{self.late.get('infrastructure_pid', '')}"
        else:
            await self.flush()

    def after(self, state: State[Any]) -> None:
        """Write what waits still, while the code of a short flow runs."""
        if self._begins(state):
            self.flush_meanwhile()

    def _begins(self, state: State[Any]) -> bool:
        return state.is_running() and self.run.work_queue_name == Queue.SHORT

    async def flush(self) -> None:
        """Write what waits, in one call. What could not be written waits on."""
        if self.flushing:
            await self.flushing
        await self._write()

    def flush_meanwhile(self) -> None:
        """Begin to write what waits; nobody waits for it but the next `flush`, which tries once more where it failed."""

        async def write() -> None:
            with suppress(httpx.HTTPError, ObjectNotFound):
                await self._write()

        self.flushing = asyncio.create_task(write())

    async def _write(self) -> None:
        late, self.late = self.late, {}
        try:
            if late:
                await super().update_flow_run(self.run.id, **late)
        except BaseException:
            self.late = late | self.late
            raise
