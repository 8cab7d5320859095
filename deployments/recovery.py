"""What becomes of runs whose worker died with them.

- Running, Pending: put back as AwaitingRetry, due now; the same run goes on in whatever worker takes it first.
- Paused, Suspended: its code starts again with the mark `paused`; what people see stays Paused.
- Cancelling: its code starts again with the mark `cancelled` and is cancelled after two seconds, so that its cleanup
  runs; what people see stays Cancelling until it is Cancelled.

Only runs that carry this worker's name are touched, and only after this process holds the name alone.
"""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import AwaitingRetry

from deployments import states
from deployments.identity import Identity, holder
from deployments.observer import make_holdable
from tasks.run_signals import RunSignals

UNDER_WAY = [StateType.RUNNING, StateType.PENDING, StateType.PAUSED, StateType.CANCELLING]
PAGE = 200
"""Flow runs that Prefect answers at once, at most."""


async def left_behind(client: PrefectClient, work_pool: str, me: Identity) -> list[tuple[FlowRun, bool]]:
    """Runs under way that carry my name; with each, whether it was claimed by an earlier life of mine."""
    wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNDER_WAY)))
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[work_pool]))
    runs: list[FlowRun] = []
    while page := await client.read_flow_runs(
        flow_run_filter=wanted, work_pool_filter=pool, limit=PAGE, offset=len(runs)
    ):
        runs += page
        if len(page) < PAGE:
            break
    held = ((run, holder(run)) for run in runs)
    return [(run, who != me) for run, who in held if who is not None and who.name == me.name]


async def put_back(client: PrefectClient, flow_run: FlowRun) -> RunSignals | None:
    """Put a run back on the schedule, or say with which marks its code has to be started here."""
    state = flow_run.state
    if state is not None and state.is_cancelling():
        return RunSignals(cancelled=True)
    if state is not None and state.is_paused():
        await make_holdable(client, flow_run)
        return RunSignals(paused=True)
    again: State[Any] = AwaitingRetry(message="The worker died; the run goes on.")
    await states.force(client, flow_run.id, again)
    return None
