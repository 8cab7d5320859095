"""The `sluice` worker: holds many flow runs as asyncio tasks of one process.

A rollout waits for most of its life; a process for each would cost 84 MiB and two seconds. What this worker promises:

- **one run, one worker**: a run is claimed by proposing Pending, which the server grants to one of several proposers,
  and the claim counts only if the run had not been run meanwhile;
- **cancel** stops the code where it waits, its cleanup runs, and the run ends in Cancelled;
- **pause** sets a mark that the code reads (`tasks.run_signals`); resume takes it away; nothing starts twice;
- **a killed worker's runs go on** when a worker of its name starts, and in the others as soon as they know that it is dead
  (`deployments.worker.caretaker`);
- **room is shared fairly**, and short flows have room of their own (`deployments.worker.fairness`);
- **a worker that is stopped hands its runs on**: they are put back on the schedule, nothing is rolled back;
- **an API that is away** stops no run, and delays final states until it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Completed, Crashed

from deployments.supervision import forever
from deployments.worker import claim, engine, states
from deployments.worker.caretaker import Caretaker, Dead, nobody
from deployments.worker.carrying.carried import Carried, leave
from deployments.worker.carrying.ends import SecondTries, carry_on, end_cancelled
from deployments.worker.fairness import choose
from deployments.worker.identity import Identity
from deployments.worker.intake import Intake
from deployments.worker.loading import Flows
from deployments.worker.observer import Observer
from deployments.workflows import Queue
from tasks.run_signals import RunSignals

POLL_PAUSE, HEARTBEAT_EVERY, SWEEP_EVERY, DEAD_EVERY = 0.2, 10.0, 15.0, 2.0
"""Seconds between looks for due runs, at least; signs of life; looks for runs nobody holds; looks for dead workers."""
SHORT_AT_ONCE = 64
"""Most short flows at once, in addition to the rollouts: each of them may be a git or kustomize process for a while."""
STARTING_AT_ONCE = 64
"""Most rollouts that are between their claim and their code: in a burst each start costs Prefect's server a while, and who
comes after the burst would wait for all of it. The next turn is given when half of them are through."""
CLEANUP_AFTER = 2.0
"""Seconds after which a run that was started only to clean up is cancelled, if it did not end by itself. Time to get to
where it can tell a cancel."""


class SluiceWorker(engine.InProcessWorker):
    """One worker process. `serve` runs it until it is cancelled."""

    def __init__(
        self, work_pool: str, name: str, capacity: int, dead: Dead = nobody, me: Identity | None = None
    ) -> None:
        """
        Args:
            work_pool: Prefect work pool, created where missing.
            name: must be owned by this process alone (`identity.only_one`).
            capacity: most rollouts at once.
            dead: which workers are dead, so that this one takes their runs up.
            me: this life of it; a new one where not given.
        """
        super().__init__(
            work_pool_name=work_pool,
            name=name,
            prefetch_seconds=0,
            heartbeat_interval_seconds=int(HEARTBEAT_EVERY),
        )
        self.identity = me or Identity.new(name)
        self._carried: dict[UUID, Carried] = {}
        self._flows = Flows()
        self._tasks: set[asyncio.Task[None]] = set()
        self._capacity = {Queue.SHORT: SHORT_AT_ONCE, Queue.ROLLOUTS: capacity}
        self._dead = dead
        self._freed = asyncio.Event()
        self._tries = SecondTries()

    async def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until cancelled, then hand on what is carried. `ready` is called once runs are being taken."""
        async with self, engine.in_process():
            observer = Observer(self.client, self._signals, self._freed)
            intake = self._intake = Intake(self.client, self._work_pool_name)
            caretaker = Caretaker(
                client=self.client,
                work_pool=self._work_pool_name,
                identity=self.identity,
                carried=lambda: set(self._carried),
                adopt=self._adopt,
                drop=self._drop,
                dead=self._dead,
            )

            async def live() -> None:
                await self.sync()
                await intake.learn_queues()

            try:
                await self.announce()
                async with asyncio.TaskGroup() as loops:
                    loops.create_task(forever("the worker's heartbeat", live, HEARTBEAT_EVERY))
                    loops.create_task(forever("looking for lost runs", caretaker.sweep, SWEEP_EVERY))
                    loops.create_task(forever("looking for dead workers", caretaker.look_for_dead, DEAD_EVERY))
                    loops.create_task(forever("taking due runs", lambda: self._poll(observer, intake), POLL_PAUSE))
                    loops.create_task(forever("listening for wishes", observer.listen, 1.0))
                    loops.create_task(forever("looking for wishes", lambda: self._observe(observer), 0.0))
                    ready()
            finally:
                await self._leave()

    async def _poll(self, observer: Observer, intake: Intake) -> None:
        """Wait until runs may be due, and take those whose turn it is."""
        await observer.next_due()
        used = [carried.queue for carried in self._carried.values()]
        room = {queue: most - used.count(queue) for queue, most in self._capacity.items()}
        room[Queue.ROLLOUTS] = min(room[Queue.ROLLOUTS], STARTING_AT_ONCE - self._starting())
        due = await intake.due(room, self._carried)
        choice = choose(due, [carried.flow_run for carried in self._carried.values()], room)
        queues = {run.id: queue for queue, runs in due.items() for run in runs}
        for run in choice.take:
            self._hold(run, queues[run.id], self.take(run))
        for run, newer in choice.superseded:
            self._hold(run, queues[run.id], self._supersede(run, newer))
        for run in choice.late:
            self._hold(run, queues[run.id], self._forget(run))

    def _starting(self) -> int:
        """How many rollouts are claimed whose code has not begun."""
        return sum(one.queue is Queue.ROLLOUTS and one.task is None for one in self._carried.values())

    def _hold(
        self, run: FlowRun, queue: Queue, work: Coroutine[Any, Any, None], signals: RunSignals | None = None
    ) -> None:
        self._carried[run.id] = Carried(run, queue, signals or RunSignals())
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._let_go(done, run.id))

    def _let_go(self, task: asyncio.Task[None], run: UUID) -> None:
        self._tasks.discard(task)
        self._carried.pop(run, None)
        if self._intake.more:
            self._freed.set()

    async def take(self, flow_run: FlowRun) -> None:
        """Claim a due run and hold it until its code ends."""
        if claim.resumes_elsewhere(flow_run, self.name):
            return
        try:
            if await claim.claim(self.client, flow_run, self.identity):
                await self._run(flow_run, self._carried[flow_run.id], adopted=False)
        except Exception:  # the worker holds hundreds of others
            engine.log.exception("Flow run %s was not taken", flow_run.id)

    async def _supersede(self, flow_run: FlowRun, newer: FlowRun) -> None:
        """End a run whose work a newer one does, before its code starts."""
        same = (
            "Canary and takes what its target holds"
            if flow_run.parameters.get("canary")
            else "source and takes what it has"
        )
        why = f"Superseded: {newer.name} waited for the same {same} by then."
        try:
            if not claim.resumes_elsewhere(flow_run, self.name) and await claim.claim(
                self.client, flow_run, self.identity
            ):
                await states.force(self.client, flow_run.id, Completed(name="Superseded", message=why))
        except Exception:
            engine.log.exception("Flow run %s was not ended", flow_run.id)

    async def _forget(self, flow_run: FlowRun) -> None:
        """Delete a run of the clock that a later one stands for: a row of each minute of a busy hour says nothing."""
        try:
            if await claim.claim(self.client, flow_run, self.identity):
                await self.client.delete_flow_run(flow_run.id)
        except Exception:
            engine.log.exception("Flow run %s was not deleted", flow_run.id)

    async def _run(self, flow_run: FlowRun, carried: Carried, *, adopted: bool) -> None:
        try:
            flow = await self._flows.of(self.client, flow_run)
        except Exception as error:
            await states.force(self.client, flow_run.id, Crashed(message=f"The flow cannot be loaded: {error}"))
            return
        if carried.signals.leaving:
            return  # the next life of this worker finds the claim
        if carried.signals.cancelled and not adopted:
            await states.force(self.client, flow_run.id, Cancelled(message="Cancelled before its code ran."))
            return
        code = engine.run(flow, flow_run, carried.signals, str(self.identity))
        carried.task = asyncio.create_task(code, name=flow_run.name)
        if self._starting() == STARTING_AT_ONCE // 2:
            self._freed.set()
        if carried.signals.cancelled:
            asyncio.get_running_loop().call_later(CLEANUP_AFTER, carried.task.cancel)
        await asyncio.wait({carried.task})
        left = None if carried.task.cancelled() else carried.task.exception()
        if left is not None and not (carried.signals.leaving or carried.signals.lost):
            await self._tries.after(self.client, flow_run, left)

    def _signals(self, flow_run_id: UUID) -> RunSignals | None:
        carried = self._carried.get(flow_run_id)
        return carried.signals if carried else None

    async def _observe(self, observer: Observer) -> None:
        await observer.next_look()
        await observer.look(list(self._carried), self._cancel, self._ended)

    def _cancel(self, flow_run_id: UUID) -> None:
        self._carried[flow_run_id].cancel()

    def _ended(self, flow_run_id: UUID, what: str) -> None:
        """Somebody gave a run an end, or deleted it, while its code goes on: another run carries on what it carried.

        A short flow is over in a moment by itself.
        """
        carried = self._carried[flow_run_id]
        if carried.queue is Queue.ROLLOUTS and carried.task is not None and not carried.signals.lost:
            carried.signals.ended = what
            carried.drop()
            again = asyncio.create_task(carry_on(self.client, carried.flow_run, carried.task, what))
            self._tasks.add(again)
            again.add_done_callback(self._tasks.discard)

    def _drop(self, flow_run_id: UUID) -> None:
        self._carried[flow_run_id].drop()

    def _adopt(self, flow_run: FlowRun, signals: RunSignals) -> None:
        self._hold(flow_run, Queue.ROLLOUTS, self._go_on(flow_run), signals)

    async def _go_on(self, flow_run: FlowRun) -> None:
        carried = self._carried[flow_run.id]
        try:
            await self.client.update_flow_run(flow_run.id, infrastructure_pid=str(self.identity))
            await self._run(flow_run, carried, adopted=True)
            if carried.signals.cancelled and not carried.signals.leaving:
                await end_cancelled(self.client, flow_run.id)
        except Exception:
            engine.log.exception("Flow run %s was not resumed", flow_run.id)

    async def _leave(self) -> None:
        """Stop the code of every run and give the runs back."""
        await leave(list(self._carried.values()))
        await asyncio.gather(*self._tasks, return_exceptions=True)
