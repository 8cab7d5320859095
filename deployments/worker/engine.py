"""Every private part of Prefect's client side that sluice leans on, in one file, for one version.

Those of the server are in `deployments.server.engine`.

Prefect's workers and engine are made for one process per run. Holding hundreds of waiting rollouts in one process needs
what their public interface does not offer:

- the engine without its per-run suspension observer (a thread, an event loop and a websocket each), which it starts for
  a run that has a `deployment_id`: `run` hides the id from it;
- how a run ends for the engine: a cancel ends in Cancelled and never passes through Crashed (automations on
  Crashed would fire), a leaving process hands the run on, and no state is lost because the API is away for a while;
- the worker's registration without `critical_service_loop`, which gives up for good after some seconds without an API, and
  without its polling and submission, which take runs by age alone and make six calls that only matter to infrastructure.

`tests/deployments/worker/test_engine.py` fails when one of these parts changes; `check_version` says so at start.
"""

from __future__ import annotations

import asyncio
from abc import ABC
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import anyio
import httpx
import prefect
from prefect import Flow, flow_engine, flows, task_engine
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import AsyncClientContext, SettingsContext, get_settings_context
from prefect.events.schemas.events import Event
from prefect.events.worker import EventsWorker
from prefect.flow_engine import AsyncFlowRunEngine
from prefect.logging.handlers import APILogWorker
from prefect.logging.loggers import get_logger
from prefect.states import AwaitingRetry, Cancelled
from prefect.utilities import engine as engine_tools
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult
from websockets.exceptions import WebSocketException

from blocks.waits import pauses
from deployments.worker.claim import RunClient
from deployments.worker.task_events import brief
from sluice.errors import TerminalError
from sluice.rollout.decision import Decision
from tasks.people.label_run import tags_of
from tasks.run_signals import RunSignals, bind
from tasks.scene.rollout_ref import RolloutRef

PREFECT_VERSION = "3.8.8"
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between attempts to write a state while the API is away."""
PLAIN = (str, int, float, bool, type(None), RolloutRef, Decision)
"""What holds no result of another task, whose parameters it would be."""
MODEL, COLLECT, VISIT = "ValidatedFunction", "collect_task_run_inputs_sync", "visit_collection"

log = get_logger("sluice.engine")


def check_version() -> None:
    """Refuse to run on a Prefect that this file was not written for.

    Raises:
        TerminalError: another version is installed.
    """
    if prefect.__version__ != PREFECT_VERSION:
        raise TerminalError(
            f"sluice runs on Prefect {PREFECT_VERSION}, installed is {prefect.__version__}: "
            f"pip install 'prefect=={PREFECT_VERSION}'"
        )


@contextmanager
def prefect_settings(updates: Mapping[str, Any]) -> Iterator[None]:
    """Prefect's settings inside the block: those of the process, with `updates` (`"api.url": …`), without heartbeats.

    A heartbeat costs a thread per run and the setting that turns it off is refused from the environment.
    """
    context = get_settings_context()
    settings = context.settings.copy_with_update(updates=cast(Any, updates))
    quiet = settings.model_copy(update={"flows": settings.flows.model_copy(update={"heartbeat_frequency": None})})
    with SettingsContext(profile=context.profile, settings=quiet):
        yield


def is_away(error: BaseException) -> bool:
    """Whether an error of Prefect's client means that the API is away or overloaded, not that it refuses."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, httpx.TransportError)


@dataclass
class _Engine(AsyncFlowRunEngine[Any, Any]):
    """Prefect's engine, with a run's state written, and the run ended, in our way."""

    claimed: FlowRun = field(kw_only=True)
    signals: RunSignals = field(default_factory=RunSignals)
    late: dict[str, Any] = field(default_factory=dict)
    _own: RunClient | None = field(default=None, init=False)

    @property
    def client(self) -> RunClient:
        if self._own is None:
            self._own = RunClient.of(super().client, self.claimed, **self.late)
        return self._own

    async def set_state(self, state: State[Any], force: bool = False) -> State[Any]:
        if state.is_running() and (self.signals.cancelled or self.signals.paused) and self.flow_run:
            # Only the code starts again: what people see stays Cancelling or Paused, so that a second crash keeps it.
            self.flow_run.state = state
            self._know(self.flow_run)
            return state
        if state.is_failed() and self.signals.cancelled:
            state = Cancelled(message=f"Cancelled; while it stopped: {state.message}")
        waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            try:
                await self.client.before(state)  # who carries a run has to be known before it runs
                given = await super().set_state(state, force=force)
                self.client.after(given)
                if given.is_running() and self.flow_run:
                    self.flow_run.run_count += 1  # as the server counts
                    self._know(self.flow_run)
                return given
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                if not is_away(error) or self.signals.leaving:
                    raise
                log.warning("Prefect's API is away; %s of %s waits: %r", state.name, self.flow_run_name, error)
            await asyncio.sleep(next(waits))

    def _know(self, run: FlowRun) -> None:
        """What the engine reads of its run from now on: as it was claimed, one that was paused would stop at once."""
        self.client.run = run.model_copy(update={"deployment_id": self.claimed.deployment_id})

    @property
    def flow_run_name(self) -> str:
        return self.flow_run.name if self.flow_run else "?"

    async def handle_crash(self, exc: BaseException) -> None:
        if self.signals.cancelled and not self.signals.leaving:
            await self.handle_cancellation(exc)
        elif self.signals.leaving:
            await self._hand_on(exc)
        else:
            await super().handle_crash(exc)

    async def handle_exception(self, exc: Exception, *args: Any, **kwargs: Any) -> State[Any]:
        if self.signals.leaving or self.signals.lost:  # code that answers the stop with an error did not fail
            await self._hand_on(exc)
            return self.state
        return await super().handle_exception(exc, *args, **kwargs)

    async def _hand_on(self, exc: BaseException) -> None:
        """Give the run back, to go on elsewhere or later; a pause or a cancel that was asked for stays asked for."""
        with anyio.CancelScope(shield=True):
            if not (self.signals.paused or self.signals.cancelled or self.signals.lost):
                await self.set_state(AwaitingRetry(message="The worker stopped; the run goes on."), force=True)
            self._raised = cast(Exception, exc)


async def run(flow: Flow[Any, Any], flow_run: FlowRun, signals: RunSignals, carrier: str = "") -> State[Any]:
    """Run a flow for a flow run that this process has claimed; returns the run's last state.

    The code of the flow runs in the current asyncio task: cancel the task to stop it. `carrier` is written on the run
    before its code starts.
    """
    bind(signals)
    tags = _tags(flow_run)
    late: dict[str, Any] = {"infrastructure_pid": carrier} | ({"tags": tags} if tags != flow_run.tags else {})
    flow_run = flow_run.model_copy(update={"tags": tags})
    without_observer = flow_run.model_copy(update={"deployment_id": None})
    engine = _Engine(
        flow=flow,
        flow_run=without_observer,
        parameters=dict(flow_run.parameters),
        signals=signals,
        claimed=flow_run,
        late=late,
    )
    async with engine.start():
        while engine.is_running():
            async with engine.run_context():
                await engine.call_flow_fn()  # type: ignore[unused-coroutine]  # declared as if it were not awaited yet
    return engine.state


def _tags(flow_run: FlowRun) -> list[str]:
    """The tags of a run, with those that tell a rollout's service and version where its parameters do."""
    about = [str(flow_run.parameters.get(name) or "") for name in ("canary", "namespace", "version")]
    return sorted({*flow_run.tags, *tags_of(*about)}) if all(about) else flow_run.tags


@contextmanager
def _plain() -> Iterator[None]:
    """Spare the engine what it finds out again for each run and each task: the model of a flow's parameters, and that what
    a stage is given holds no result of another task, for which each of its fields is searched twice."""
    known: dict[Any, Any] = {}
    model, collect, visit = vars(flows)[MODEL], vars(engine_tools)[COLLECT], vars(task_engine)[VISIT]

    def model_of(function: Any, config: Any = None) -> Any:
        if function not in known:
            known[function] = model(function, config=config)
        return known[function]

    vars(flows)[MODEL] = model_of
    vars(engine_tools)[COLLECT] = lambda given, **how: set() if isinstance(given, PLAIN) else collect(given, **how)
    vars(task_engine)[VISIT] = lambda given, *how, **more: (
        given if isinstance(given, PLAIN) else visit(given, *how, **more)
    )
    try:
        yield
    finally:
        vars(flows)[MODEL], vars(engine_tools)[COLLECT], vars(task_engine)[VISIT] = model, collect, visit


@asynccontextmanager
async def in_process() -> AsyncIterator[None]:
    """Make room for many engines in this process; runs start inside the block.

    They share one client, instead of a connection pool and a TLS context each. And they keep their hands off SIGTERM:
    each engine would install a handler that throws an exception into whatever the event loop happens to be doing.
    Events that tell of task runs are few (`deployments.worker.task_events`) and wait for an API that is away.
    """
    names = vars(flow_engine)
    capture, names["capture_sigterm"] = names["capture_sigterm"], nullcontext
    handle, EventsWorker._handle = EventsWorker._handle, _until_taken  # type: ignore[method-assign, assignment]
    try:
        with brief(), _plain():
            async with AsyncClientContext.get_or_create():
                yield
    finally:
        names["capture_sigterm"] = capture
        EventsWorker._handle = handle  # type: ignore[method-assign]


_handle_event = EventsWorker._handle


async def _until_taken(worker: EventsWorker, event: Event) -> None:
    """Tell Prefect an event, which is how it learns of task runs, until it is taken.

    Prefect gives up after ten seconds, one event after the other: ten minutes without a server cost sixty task runs
    their history. What comes after it waits in the queue.
    """
    context = worker._context_cache.get(event.id)
    while True:
        try:
            await _handle_event(worker, event)
        except (OSError, httpx.HTTPError, WebSocketException) as error:
            gone = isinstance(error, httpx.HTTPStatusError) and not is_away(error)
            if gone or worker._stopped or context is None:
                raise
            worker._context_cache[event.id] = context
        else:
            return
        await asyncio.sleep(FIRST_PAUSE)


async def drain(within: float) -> None:
    """Let Prefect's background threads send the logs and events they still hold, for at most `within` seconds each.

    Without it the interpreter's exit waits for them, for minutes once the API is gone.
    """
    for service in (APILogWorker, EventsWorker):
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await cast(Awaitable[Any], service.drain_all(at_exit=False))


class InProcessResult(BaseWorkerResult):
    """Prefect's workers report one; ours has nothing to add to the run's state."""


class InProcessWorker(BaseWorker[BaseJobConfiguration, BaseVariables, InProcessResult], ABC):
    """Prefect's worker with its registration, without its polling and its infrastructure."""

    type: ClassVar[str] = "sluice"  # type: ignore[misc]
    _description = "Runs flows as asyncio tasks in one process."

    async def sync(self) -> None:
        """Register at the work pool, which is created where missing, and say that this worker lives."""
        await self._sync_and_initialize()

    async def announce(self) -> None:
        """Tell in Prefect's events that this worker started; its end comes from Prefect's teardown."""
        self._started_event = await self._emit_worker_started_event()

    async def run(
        self, flow_run: FlowRun, configuration: BaseJobConfiguration, task_status: Any = None
    ) -> InProcessResult:
        raise NotImplementedError("flow runs are taken by `SluiceWorker.take`")

    async def _setup_cancellation_observer(self) -> None:
        """One shared observer of ours stands in: Prefect's would only cancel runs that never started."""
