"""What becomes of a run whose code has ended without its end: another try, another run, or the end that people asked for."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Cancelled, Crashed, Scheduled

from deployments.worker import engine, states
from sluice.recent import Recent

BROKEN = 1000
"""Runs that broke Prefect's engine, of which it is remembered that they had their second try."""


class SecondTries:
    """Runs whose engine gave up outside the flow's code: each gets another try, and then an end.

    A server that is killed in the middle of an answer makes Prefect's engine break in ways that say nothing of that.
    """

    def __init__(self) -> None:
        self._broken: Recent[UUID, bool] = Recent(BROKEN)

    async def after(self, client: PrefectClient, flow_run: FlowRun, error: BaseException) -> None:
        """Give a run that has no end yet another try, or an end."""
        engine.log.warning("Flow run %s ended with %r outside its code", flow_run.name, error)
        try:
            state = (await client.read_flow_run(flow_run.id)).state
        except ObjectNotFound:
            return
        if state is not None and (state.is_pending() or state.is_running()):
            said = f"Prefect's engine gave up: {error!r}"
            once_more = engine.is_away(error) or flow_run.id not in self._broken
            self._broken[flow_run.id] = True
            retry: State[Any] = AwaitingRetry(message=f"{said}; the run starts again.")
            await states.force(client, flow_run.id, retry if once_more else Crashed(message=said))


async def carry_on(client: PrefectClient, run: FlowRun, code: asyncio.Task[State[Any]], what: str) -> None:
    """Start another run of the same, once the code of this one has stopped."""
    await asyncio.wait({code})
    engine.log.warning("%s %s while its code ran: another run carries it on", run.name, what)
    if run.deployment_id is not None:
        await client.create_flow_run_from_deployment(
            run.deployment_id,
            parameters=run.parameters,
            name=run.name,
            tags=[*run.tags, f"instead of {run.id}"],
            idempotency_key=f"instead of {run.id} {what}",
            state=Scheduled(message=f"Goes on with what run {run.id} carried, which {what} while its code ran."),
        )


async def end_cancelled(client: PrefectClient, flow_run_id: UUID) -> None:
    """End a run that was cancelled under a worker that died, once it is cleaned up."""
    state = (await client.read_flow_run(flow_run_id)).state
    if state is not None and state.is_cancelling():
        await states.force(client, flow_run_id, Cancelled(message="Cleaned up after the worker had died."))
