"""Makes Prefect hold what `plan` wants: read by name, compare, then create, update or leave alone.

Prefect's own `create` makes a second automation of the same name, and a deploy with triggers deletes and recreates
them, losing their state. Registering twice changes nothing. What people own stays theirs: a deployment or automation
that somebody paused stays paused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from prefect.filesystems import LocalFileSystem
from prefect.utilities.callables import parameter_schema

from deployments.worker import engine
from deployments.workflows import WORKFLOWS, Queue, Workflow, parameters_from
from sluice.events.model import Event

ANCHOR = datetime(2020, 1, 1, tzinfo=UTC)
"""Schedules count from here, so that registering again does not move them."""
RESULTS = "sluice-results"
"""Block for results. Nothing is persisted; without a named one, Prefect's engine asks the API for it at each run's
start, with a blocking call on the event loop."""


class Did(StrEnum):
    """What registering did, or would do."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Change:
    """One object of Prefect's.

    Attributes:
        kind: work pool, work queue, block, deployment or automation.
        fields: for each field that differs, what is there (None where the object is new) and what is wanted.
    """

    kind: str
    name: str
    did: Did
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


async def register(
    work_pool: str, storage: str, workflows: Iterable[Workflow] = WORKFLOWS, *, dry_run: bool = False
) -> list[Change]:
    """Bring Prefect in line; returns what was done, or with `dry_run` what would be done.

    Args:
        work_pool: name of the work pool of the deployments.
        storage: folder of the result block.
        workflows: what to deploy.

    Raises:
        TerminalError: a flow cannot be imported.
    """
    loaded = [(workflow, workflow.load()) for workflow in workflows]
    async with get_client() as client:
        changes = [await _work_pool(client, work_pool, dry_run)]
        changes += [await _queue(client, work_pool, queue, dry_run) for queue in Queue]
        changes.append(await _results(client, storage, dry_run))
        for workflow, flow in loaded:
            change, deployment_id = await _deployment(client, workflow, flow, work_pool, dry_run)
            changes.append(change)
            if workflow.event is not None:
                changes.append(await _automation(client, workflow, workflow.event, deployment_id, dry_run))
    return changes


def _compared(kind: str, name: str, there: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> Change:
    if there is None:
        return Change(kind, name, Did.CREATED, {key: (None, value) for key, value in wanted.items()})
    differing = {key: (there.get(key), value) for key, value in wanted.items() if there.get(key) != value}
    return Change(kind, name, Did.UPDATED if differing else Did.UNCHANGED, differing)


async def _work_pool(client: PrefectClient, name: str, dry_run: bool) -> Change:
    wanted = {"type": engine.InProcessWorker.type}
    try:
        there = {"type": (await client.read_work_pool(name)).type}
    except ObjectNotFound:
        there = None
        if not dry_run:
            template = engine.InProcessWorker.get_default_base_job_template()
            await client.create_work_pool(WorkPoolCreate(name=name, base_job_template=template, **wanted))
    return _compared("work pool", name, there, wanted)


async def _queue(client: PrefectClient, work_pool: str, queue: Queue, dry_run: bool) -> Change:
    wanted = {"priority": queue.priority}
    there = None
    with suppress(ObjectNotFound):
        found = await client.read_work_queue_by_name(queue, work_pool)
        there = {"priority": found.priority}
    change = _compared("work queue", queue, there, wanted)
    if change.did is Did.CREATED and not dry_run:
        await client.create_work_queue(queue, priority=queue.priority, work_pool_name=work_pool)
    elif change.did is Did.UPDATED and not dry_run:
        await client.update_work_queue(found.id, priority=queue.priority)
    return change


async def _results(client: PrefectClient, storage: str, dry_run: bool) -> Change:
    wanted = {"basepath": storage}
    try:
        there = (await client.read_block_document_by_name(RESULTS, "local-file-system")).data
    except ObjectNotFound:
        there = None
    change = _compared("block", RESULTS, there, wanted)
    if change.did is not Did.UNCHANGED and not dry_run:
        await LocalFileSystem(**wanted).save(RESULTS, overwrite=True, client=client)
    return change


async def _deployment(
    client: PrefectClient, workflow: Workflow, flow: Flow[Any, Any], work_pool: str, dry_run: bool
) -> tuple[Change, UUID | None]:
    wanted: dict[str, Any] = {
        "entrypoint": workflow.entrypoint,
        "work_pool_name": work_pool,
        "work_queue_name": str(workflow.queue),
        "tags": sorted(workflow.tags),
        "description": flow.description or "",
        "parameter_openapi_schema": parameter_schema(flow).model_dump_for_openapi(),
        "enforce_parameter_schema": True,
        "schedule_s": workflow.every.total_seconds() if workflow.every else None,
    }
    name = f"{flow.name}/{workflow.deployment}"
    there, found_id = None, None
    try:
        found = await client.read_deployment_by_name(name)
        found_id = found.id
        there = {key: getattr(found, key) for key in wanted if key != "schedule_s"}
        there["tags"] = sorted(found.tags)
        there["schedule_s"] = next(
            (s.schedule.interval.total_seconds() for s in found.schedules if isinstance(s.schedule, IntervalSchedule)),
            None,
        )
    except ObjectNotFound:
        pass
    change = _compared("deployment", name, there, wanted)
    if change.did is not Did.UNCHANGED and not dry_run:
        body = {key: value for key, value in wanted.items() if key != "schedule_s"}
        found_id = await client.create_deployment(
            flow_id=await client.create_flow_from_name(flow.name),
            name=workflow.deployment,
            schedules=_schedules(workflow),
            **body,
        )
    return change, found_id


def _schedules(workflow: Workflow) -> list[DeploymentScheduleCreate]:
    if workflow.every is None:
        return []
    schedule = IntervalSchedule(interval=workflow.every, anchor_date=ANCHOR)
    return [DeploymentScheduleCreate(schedule=schedule, active=True, max_scheduled_runs=3)]


async def _automation(
    client: PrefectClient, workflow: Workflow, event: type[Event], deployment_id: UUID | None, dry_run: bool
) -> Change:
    found = await client.read_automations_by_name(workflow.automation)
    there = _comparable(found[0]) if found else None
    if deployment_id is None:  # a dry run before the first: the deployment has no id yet
        return _compared("automation", workflow.automation, there, {"event": event.name})
    wanted = _wanted_automation(workflow, event, deployment_id, enabled=found[0].enabled if found else True)
    change = _compared("automation", workflow.automation, there, _comparable(wanted))
    if change.did is Did.CREATED and not dry_run:
        await client.create_automation(wanted)
    elif change.did is Did.UPDATED and not dry_run:
        await client.update_automation(found[0].id, wanted)
    return change


def _wanted_automation(workflow: Workflow, event: type[Event], deployment_id: UUID, *, enabled: bool) -> AutomationCore:
    return AutomationCore(
        name=workflow.automation,
        description=f"Starts {workflow.deployment} for each {event.name}. Kept by `sluice register`.",
        enabled=enabled,
        tags=list(workflow.tags),
        trigger=EventTrigger(expect={event.name}, posture=Posture.Reactive, threshold=1),
        actions=[RunDeployment(source="selected", deployment_id=deployment_id, parameters=parameters_from(event))],
    )


def _comparable(automation: AutomationCore | Automation) -> dict[str, Any]:
    """The fields that we want to be as they are in the plan, in a form that does not depend on who made the object."""
    dumped = automation.model_dump(mode="json")
    trigger = dumped["trigger"]
    return {
        "description": dumped["description"],
        "tags": sorted(dumped["tags"]),
        "event": ", ".join(sorted(trigger["expect"])),
        "trigger": {key: trigger[key] for key in ("posture", "threshold", "within")},
        "actions": [
            {key: action.get(key) for key in ("type", "source", "deployment_id", "parameters")}
            for action in dumped["actions"]
        ],
    }
