"""`sluice register`: Prefect holds what the plan wants, and nothing is done twice."""

from __future__ import annotations

import pytest
from prefect.events.schemas.automations import AutomationCore

from deployments import runtime
from deployments.automations.register import Change, Did
from deployments.workflows import WORKFLOWS, Workflow
from sluice.errors import TerminalError
from sluice.events.model import SourceChanged
from tests.deployments.conftest import DELIVER, HOLD, Runtime

pytestmark = pytest.mark.server

PLAN = (DELIVER, HOLD)


async def registered(sut: Runtime, *workflows: Workflow, dry_run: bool = False) -> list[Change]:
    return await runtime.register_all(sut.settings, workflows=workflows or PLAN, dry_run=dry_run)


async def test_registering_twice_changes_nothing(sut: Runtime) -> None:
    """The second time finds all as it should be, and makes no second automation."""
    assert {change.did for change in await registered(sut)} == {Did.UNCHANGED}
    assert len(await sut.client.read_automations_by_name(DELIVER.automation)) == 1


async def test_what_somebody_changed_is_put_right_and_told(sut: Runtime) -> None:
    """The diff names the field, what was there and what is wanted; a dry run only tells."""
    deployment = await sut.client.read_deployment_by_name("sample_deliver/sample_deliver")
    answer = await sut.client._client.patch(f"/deployments/{deployment.id}", json={"tags": ["other"]})
    answer.raise_for_status()
    for dry_run in (True, True, False):
        changes = {(change.kind, change.did): change for change in await registered(sut, dry_run=dry_run)}
        assert changes["deployment", Did.UPDATED].fields == {"tags": (["other"], ["sluice"])}
    assert {change.did for change in await registered(sut)} == {Did.UNCHANGED}


async def test_a_changed_automation_is_put_right_in_place(sut: Runtime) -> None:
    """The same automation keeps its id and its history."""
    (before,) = await sut.client.read_automations_by_name(DELIVER.automation)
    mine = AutomationCore(name=before.name, description="mine", trigger=before.trigger, actions=before.actions)
    await sut.client.update_automation(before.id, mine)
    assert Did.UPDATED in {change.did for change in await registered(sut)}
    (after,) = await sut.client.read_automations_by_name(DELIVER.automation)
    assert after.id == before.id
    assert after.description != "mine"


async def test_an_automation_that_somebody_switched_off_stays_off(sut: Runtime) -> None:
    """Stopping deliveries in the UI holds, whatever is deployed meanwhile."""
    (automation,) = await sut.client.read_automations_by_name(DELIVER.automation)
    await sut.client.pause_automation(automation.id)
    try:
        changed = DELIVER.__class__(DELIVER.entrypoint, event=DELIVER.event, tags=("sluice", "more"))
        await registered(sut, changed)
        (automation,) = await sut.client.read_automations_by_name(DELIVER.automation)
        assert not automation.enabled
    finally:
        await sut.client.resume_automation(automation.id)
        await registered(sut)


async def test_a_dry_run_creates_nothing(sut: Runtime) -> None:
    """What would be made is told."""
    new = Workflow("tests.deployments.sample_flows.sample_source", event=SourceChanged)
    kinds = {change.kind for change in await registered(sut, new, dry_run=True) if change.did is Did.CREATED}
    assert kinds == {"deployment", "automation"}
    assert await sut.client.read_automations_by_name(new.automation) == []


@pytest.mark.parametrize("entrypoint", ["tests.deployments.nowhere.flow", "tests.deployments.sample_flows.nothing"])
async def test_a_flow_that_is_not_there_is_named(sut: Runtime, entrypoint: str) -> None:
    """Nothing is applied by halves: all flows are loaded first."""
    with pytest.raises(TerminalError, match=entrypoint):
        await registered(sut, Workflow(entrypoint))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.deployment)
def test_every_flow_of_the_plan_takes_the_parameters_of_its_event(workflow: Workflow) -> None:
    """An automation hands over each field of the event under its own name; the flow knows them all."""
    taken = set(workflow.load().parameters.properties)
    told = set(workflow.event.model_fields) - {"delivery"} if workflow.event else set()
    assert told <= taken
