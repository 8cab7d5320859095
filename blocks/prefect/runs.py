"""Prefect's flow runs and stored events, as reconciliation reads them: what is under way, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType

ACTIVE = [StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED, StateType.PAUSED, StateType.CANCELLING]
RUNS_PAGE, EVENTS_PAGE = 200, 50
"""Flow runs and events that Prefect answers at once, at most."""
ANSWERS = ["prefect.automation.action.executed", "prefect.automation.action.failed"]


@dataclass(frozen=True, slots=True)
class Stored:
    """An event as Prefect has stored it."""

    id: UUID
    name: str
    payload: dict[str, Any]


async def active_runs(flow: str) -> list[FlowRun]:
    """All runs of a flow that are under way or waiting."""
    named = FlowFilter.model_validate({"name": {"any_": [flow]}})
    active = FlowRunFilter.model_validate({"state": {"type": {"any_": ACTIVE}}})
    runs: dict[UUID, FlowRun] = {}
    offset = 0
    async with get_client() as client:
        while page := await client.read_flow_runs(
            flow_filter=named, flow_run_filter=active, limit=RUNS_PAGE, offset=offset
        ):
            runs |= {run.id: run for run in page}
            offset += len(page)
            if len(page) < RUNS_PAGE:
                break
    return list(runs.values())


async def tried_again(flow_run: UUID) -> int:
    """How often a run was put back on the schedule after it had ended: somebody pressed Retry."""
    async with get_client() as client:
        history = sorted(await client.read_flow_run_states(flow_run), key=lambda state: state.timestamp)
    return sum(one.is_final() and not then.is_final() for one, then in pairwise(history))


async def unanswered(prefix: str, since: datetime, until: datetime) -> list[Stored]:
    """Stored events of a name that begins with `prefix`, occurred in a span of time, that no automation has acted on."""
    async with get_client() as client:
        stored = await _events(client, {"prefix": [prefix]}, since, until)
        if not stored:
            return []
        answers = await _events(client, {"name": ANSWERS}, since, None)
    answered = {
        related["prefect.resource.id"].removeprefix("prefect.event.")
        for answer in answers
        for related in answer["related"]
        if related.get("prefect.resource.role") == "triggering-event"
    }
    return [Stored(UUID(one["id"]), one["event"], one["payload"]) for one in stored if one["id"] not in answered]


async def answer(events: Sequence[Stored]) -> list[FlowRun]:
    """Start for each event the flow run that its automation should have started; one that exists is left as it is.

    An automation that somebody switched off stays without an answer.
    """
    if not events:
        return []
    async with get_client() as client:
        missing = {key: one for event in events for key, one in await _answers(client, event)}
        keys = FlowRunFilter.model_validate({"idempotency_key": {"any_": list(missing)}})
        for run in await client.read_flow_runs(flow_run_filter=keys) if missing else []:
            missing.pop(run.idempotency_key or "", None)
        return [
            await client.create_flow_run_from_deployment(deployment, parameters=parameters, idempotency_key=key)
            for key, (deployment, parameters) in missing.items()
        ]


async def _answers(client: PrefectClient, event: Stored) -> list[tuple[str, tuple[UUID, dict[str, Any]]]]:
    """Idempotency key, deployment and parameters of each run that automations start for an event."""
    found = []
    for automation in await client.read_automations():
        if automation.enabled and event.name in getattr(automation.trigger, "expect", ()):
            for index, action in enumerate(automation.actions):
                if action.type == "run-deployment" and action.deployment_id:
                    parameters = {name: event.payload.get(name, "") for name in action.parameters or {}}
                    found.append((run_key(automation.id, index, event.id), (action.deployment_id, parameters)))
    return found


def run_key(automation: object, action: int, event: object) -> str:
    """The idempotency key of the flow run that an automation's action starts for an event."""
    return f"automation {automation}, action {action}, event {event}"


async def _events(
    client: PrefectClient, event: dict[str, Any], since: datetime, until: datetime | None
) -> list[dict[str, Any]]:
    occurred = {"since": since.isoformat()} | ({"until": until.isoformat()} if until else {})
    asked = {"filter": {"event": event, "occurred": occurred, "order": "ASC"}, "limit": EVENTS_PAGE}
    answer = await client.request("POST", "/events/filter", json=asked)
    found: list[dict[str, Any]] = []
    while True:
        answer.raise_for_status()
        page = answer.json()
        found += page["events"]
        if not page["next_page"]:
            return found
        answer = await client.request("GET", page["next_page"])
