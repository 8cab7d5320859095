"""Setting a flow run's state only if it is still what it was when we looked.

Prefect has no such question. So we set the state and look at the history: if something came in between, it is put back,
because a person's Resume or Cancel, or the end that another worker wrote, must not be lost to us.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import OrchestrationResult


async def force(client: PrefectClient, flow_run_id: UUID, state: State[Any]) -> State[Any] | None:
    """Set a state whatever Prefect's rules say of it; returns it as it was stored."""
    answer: OrchestrationResult[Any] = await client.set_flow_run_state(flow_run_id, state, force=True)
    return answer.state


async def before(client: PrefectClient, flow_run_id: UUID, stored: State[Any] | None) -> State[Any] | None:
    """The state that a run had right before the stored one."""
    if stored is None:
        return None
    history = sorted(await client.read_flow_run_states(flow_run_id), key=lambda state: state.timestamp)
    earlier = [state for state in history if state.timestamp <= stored.timestamp and state.id != stored.id]
    return earlier[-1] if earlier else None


async def replace(client: PrefectClient, flow_run_id: UUID, seen: State[Any], wanted: State[Any]) -> State[Any] | None:
    """Replace the state that was seen by the wanted one; returns what came in between, which then stands again."""
    stored = await force(client, flow_run_id, wanted)
    met = await before(client, flow_run_id, stored)
    if met is None or met.id == seen.id:
        return None
    await force(client, flow_run_id, met)
    return met
