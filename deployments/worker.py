"""The `sluice` worker: holds many flow runs as asyncio tasks of one process.

A rollout waits for most of its life; a process for each would cost 84 MiB and two seconds. What this worker promises:

- **one run, one worker**: a run is claimed by proposing Pending, which the server grants to one of several proposers,
  and the claim counts only if the run had not been run meanwhile;
- **cancel** stops the code where it waits, its cleanup runs, and the run ends in Cancelled;
- **pause** sets a mark that the code reads (`tasks.run_signals`); resume takes it away; nothing starts twice;
- **a killed worker's runs go on** when a worker of its name starts (`deployments.recovery`);
- **a worker that is told to stop hands its runs on**: they are put back on the schedule, nothing is taken back;
- **an API that is away** stops no run, and delays final states until it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.exceptions import ObjectNotFound
from prefect.flows import load_flow_from_entrypoint
from prefect.states import AwaitingRetry, Cancelled, Crashed, Pending

from deployments import engine, recovery, states
from deployments.identity import CLAIM, Identity, holder
from deployments.observer import Observer
from deployments.supervision import forever
from sluice.errors import TerminalError
from tasks.run_signals import RunSignals

POLL_EVERY = 0.25
POLL_PAUSE = 0.05
HEARTBEAT_EVERY = 10
SWEEP_EVERY = 30.0
"""Seconds between looks for due runs: when nothing tells of any, and at least; between signs of life; and between
looks for runs that nobody holds."""
LEAVE_WITHIN = 8.0
"""Seconds that runs get to put their affairs in order when the worker stops."""
RESUMED_WITHIN = timedelta(seconds=10)
"""Time that another worker gets to notice that a run it holds was resumed."""
CLEANUP_AFTER = 2.0
"""Seconds after which a run that was started only to clean up is cancelled, if it did not end by itself. Time to get to
where it can tell a cancel."""


@dataclass(slots=True)
class Held:
    """A run of this process: its marks, and its task once the code runs."""

    signals: RunSignals = field(default_factory=RunSignals)
    task: asyncio.Task[State[Any]] | None = None


class SluiceWorker(engine.InProcessWorker):
    """One worker process. `serve` runs it until it is cancelled."""

    def __init__(self, work_pool: str, name: str, capacity: int) -> None:
        """
        Args:
            work_pool: Prefect work pool, created where missing.
            name: must be held by this process alone (`identity.only_one`).
            capacity: most runs at once.
        """
        super().__init__(
            work_pool_name=work_pool,
            name=name,
            limit=capacity,
            prefetch_seconds=0,
            heartbeat_interval_seconds=HEARTBEAT_EVERY,
        )
        self.identity = Identity.new(name)
        self._held: dict[UUID, Held] = {}
        self._flows: dict[UUID, Flow[Any, Any]] = {}
        self._adopted: set[asyncio.Task[None]] = set()
        self._strays: dict[UUID, UUID] = {}

    async def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until cancelled, then hand on what is held. `ready` is called once runs are being taken."""
        async with self, engine.in_process():
            observer = Observer(self.client, self._signals)
            try:
                await self.announce()
                async with asyncio.TaskGroup() as loops:
                    loops.create_task(forever("taking due runs", lambda: self._take_due(observer.due), POLL_PAUSE))
                    loops.create_task(forever("the worker's heartbeat", self.sync, HEARTBEAT_EVERY))
                    loops.create_task(forever("listening for wishes", observer.listen, 1.0))
                    loops.create_task(forever("looking for wishes", lambda: self._observe(observer), 0.0))
                    loops.create_task(forever("looking for lost runs", self._sweep, SWEEP_EVERY))
                    ready()
            finally:
                await self._leave()

    async def _take_due(self, due: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_EVERY):
                await due.wait()
        due.clear()
        await self.poll()

    async def take(self, flow_run: FlowRun) -> None:
        """Claim a due run and hold it until its code ends."""
        if self._resumes_elsewhere(flow_run):
            return
        held = self._held[flow_run.id] = Held()
        try:
            if await self._claim(flow_run):
                await self._run(flow_run, held, adopted=False)
        except Exception:  # the worker holds hundreds of others
            engine.log.exception("Flow run %s was not taken", flow_run.id)
        finally:
            self._held.pop(flow_run.id, None)

    def _resumes_elsewhere(self, flow_run: FlowRun) -> bool:
        """Resume put the run on the schedule while its code runs in another worker, which is about to take it off."""
        who, when = holder(flow_run), flow_run.next_scheduled_start_time
        if flow_run.state_name != "Resuming" or who is None or who.name == self.name or when is None:
            return False
        return datetime.now(UTC) - when < RESUMED_WITHIN

    async def _claim(self, flow_run: FlowRun) -> bool:
        claim: State[Any] = Pending(message=f"{CLAIM}{self.identity}")
        answer: OrchestrationResult[Any] = await self.client.set_flow_run_state(flow_run.id, claim)
        if answer.status != SetStateStatus.ACCEPT:
            return False
        mark = self.client.update_flow_run(flow_run.id, infrastructure_pid=str(self.identity))
        met, _ = await asyncio.gather(states.before(self.client, flow_run.id, answer.state), mark)
        if met is not None and met.is_final():
            # Prefect grants Pending to a run that has ended, too. Ours was found due, then another worker took it and
            # was done before we asked: its end stands.
            await states.force(self.client, flow_run.id, met)
            return False
        return True

    async def _run(self, flow_run: FlowRun, held: Held, *, adopted: bool) -> None:
        try:
            flow = await self._flow(flow_run)
        except Exception as error:
            await states.force(self.client, flow_run.id, Crashed(message=f"The flow cannot be loaded: {error}"))
            return
        if held.signals.leaving:
            return  # the next life of this worker finds the claim
        if held.signals.cancelled and not adopted:
            await states.force(self.client, flow_run.id, Cancelled(message="Cancelled before its code ran."))
            return
        held.task = asyncio.create_task(engine.run(flow, flow_run, held.signals), name=flow_run.name)
        if held.signals.cancelled:
            asyncio.get_running_loop().call_later(CLEANUP_AFTER, held.task.cancel)
        await asyncio.wait({held.task})
        left = None if held.task.cancelled() else held.task.exception()
        if left is not None and not held.signals.leaving:
            await self._after_error(flow_run, left)

    async def _after_error(self, flow_run: FlowRun, error: BaseException) -> None:
        """The engine gave up outside the flow's code. A run that has no end yet gets one, or another try."""
        engine.log.warning("Flow run %s ended with %r outside its code", flow_run.name, error)
        try:
            state = (await self.client.read_flow_run(flow_run.id)).state
        except ObjectNotFound:
            return
        if state is not None and (state.is_pending() or state.is_running()):
            again: State[Any] = AwaitingRetry(message="Prefect's API was away; the run starts again.")
            gone: State[Any] = Crashed(message=f"Prefect's engine gave up: {error!r}")
            await states.force(self.client, flow_run.id, again if engine.is_away(error) else gone)

    async def _flow(self, flow_run: FlowRun) -> Flow[Any, Any]:
        """The flow that a run's deployment names, loaded once per process.

        Raises:
            TerminalError: the deployment is none of ours.
        """
        key = flow_run.deployment_id
        if key is None:
            raise TerminalError("the run has no deployment: start it from a deployment of `sluice apply`")
        if key not in self._flows:
            entrypoint = (await self.client.read_deployment(key)).entrypoint
            if not entrypoint or ":" in entrypoint:
                raise TerminalError(f"entry point {entrypoint!r} is no module: use `sluice apply`")
            flow: Flow[Any, Any] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
            if not flow.isasync or flow.isgenerator:
                raise TerminalError(f"{entrypoint} must be an async flow: this worker has one event loop")
            self._flows[key] = flow
        return self._flows[key]

    def _signals(self, flow_run_id: UUID) -> RunSignals | None:
        held = self._held.get(flow_run_id)
        return held.signals if held else None

    async def _observe(self, observer: Observer) -> None:
        await observer.next_look()
        await observer.look(list(self._held), self._cancel)

    def _cancel(self, flow_run_id: UUID) -> None:
        held = self._held[flow_run_id]
        if not held.signals.cancelled:
            held.signals.cancelled = True
            if held.task is not None:
                held.task.cancel()

    async def _sweep(self) -> None:
        """Take up what an earlier life of this worker, or a lost answer of the API, left without anybody."""
        held = set(self._held)
        found = await recovery.left_behind(self.client, self._work_pool_name, self.identity)
        mine = {run.id: run.state_id for run, past in found if not past and run.id not in held | set(self._held)}
        twice = {key for key, state in mine.items() if state is not None and self._strays.get(key) == state}
        self._strays = {key: state for key, state in mine.items() if state is not None}
        for flow_run, past in found:
            if past or flow_run.id in twice:
                await self._take_up(flow_run)

    async def _take_up(self, flow_run: FlowRun) -> None:
        if (signals := await recovery.put_back(self.client, flow_run)) is None:
            engine.log.warning("%s was left by %s: it goes on", flow_run.name, flow_run.infrastructure_pid)
            return
        held = self._held[flow_run.id] = Held(signals)
        task = asyncio.create_task(self._adopt(flow_run, held))
        self._adopted.add(task)
        task.add_done_callback(self._adopted.discard)

    async def _adopt(self, flow_run: FlowRun, held: Held) -> None:
        try:
            await self.client.update_flow_run(flow_run.id, infrastructure_pid=str(self.identity))
            await self._run(flow_run, held, adopted=True)
            if held.signals.cancelled and not held.signals.leaving:
                await self._end_cancelled(flow_run.id)
        except Exception:
            engine.log.exception("Flow run %s was not taken up", flow_run.id)
        finally:
            self._held.pop(flow_run.id, None)

    async def _end_cancelled(self, flow_run_id: UUID) -> None:
        state = (await self.client.read_flow_run(flow_run_id)).state
        if state is not None and state.is_cancelling():
            await states.force(self.client, flow_run_id, Cancelled(message="Cleaned up after the worker had died."))

    async def _leave(self) -> None:
        """Stop the code of every run and give the runs back; a run that is cleaning up is left to finish."""
        for held in list(self._held.values()):
            if not held.signals.cancelled:
                held.signals.leaving = True
                if held.task is not None:
                    held.task.cancel()
        tasks = {held.task for held in self._held.values() if held.task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=LEAVE_WITHIN)
        for held in self._held.values():
            held.signals.leaving = True
            if held.task is not None:
                held.task.cancel()
        await asyncio.gather(*self._adopted, return_exceptions=True)
