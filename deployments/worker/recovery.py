"""What becomes of runs whose worker died with them.

- Running, Pending: put back as AwaitingRetry, due now; the same run goes on in whatever worker takes it first.
- Paused, Suspended: its code starts again with the mark `paused`; what people see stays Paused.
- Cancelling: its code starts again with the mark `cancelled` and is cancelled after two seconds, so that its cleanup
  runs; what people see stays Cancelling until it is Cancelled.

A worker resumes the runs that carry its own name, which this process owns alone, and those of workers that are known to
be dead: their sign of life in the cluster has run out, or their process on this host is gone.
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

from deployments.worker import states
from deployments.worker.identity import Identity, holder
from deployments.worker.observer import make_holdable
from tasks.run_signals import RunSignals

UNDER_WAY = [StateType.RUNNING, StateType.PENDING, StateType.PAUSED, StateType.CANCELLING]
PAGE = 200
"""Flow runs that Prefect answers at once, at most."""


async def under_way(client: PrefectClient, work_pool: str) -> list[tuple[FlowRun, Identity]]:
    """All runs of the pool that a worker holds, each with its holder."""
    wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNDER_WAY)))
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[work_pool]))
    runs: list[FlowRun] = []
    while page := await client.read_flow_runs(
        flow_run_filter=wanted, work_pool_filter=pool, limit=PAGE, offset=len(runs)
    ):
        runs += page
        if len(page) < PAGE:
            break
    return [(run, who) for run in runs if (who := holder(run)) is not None]


async def still_left(client: PrefectClient, seen: FlowRun) -> bool:
    """Whether a run is as it was seen: no other worker took it up meanwhile."""
    now = await client.read_flow_run(seen.id)
    return now.state_id == seen.state_id and holder(now) == holder(seen)


async def put_back(client: PrefectClient, flow_run: FlowRun) -> RunSignals | None:
    """Put a run back on the schedule, or say with which marks its code has to be started here."""
    state = flow_run.state
    if state is not None and state.is_cancelling():
        return RunSignals(cancelled=True)
    if state is not None and state.is_paused():
        await make_holdable(client, flow_run)
        return RunSignals(paused=True)
    again: State[Any] = AwaitingRetry(message="The worker died; the run goes on.")
    if state is None:
        await states.force(client, flow_run.id, again)
    else:
        await states.replace(client, flow_run.id, state, again)
    return None
