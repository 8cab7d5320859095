"""One run, one worker: how a worker makes a due run its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.states import Pending

from deployments.worker import states
from deployments.worker.identity import CLAIM, Identity, holder

RESUMED_WITHIN = timedelta(seconds=10)
"""Time that another worker gets to notice that a run it holds was resumed."""


async def claim(client: PrefectClient, flow_run: FlowRun, me: Identity) -> bool:
    """Propose Pending, which the server grants to one of several proposers; whether it was granted to us.

    The state says who; the mark on the run, which outlives the state, is written with the rest (`calls.RunClient`).
    """
    wanted: State[Any] = Pending(message=f"{CLAIM}{me}")
    answer: OrchestrationResult[Any] = await client.set_flow_run_state(flow_run.id, wanted)
    if answer.status != SetStateStatus.ACCEPT:
        return False
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
