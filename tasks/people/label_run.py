"""Name and tag a flow run by what it carries, so that people find it in the UI."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from tasks.scene.rollout_ref import RolloutRef
from tasks.stage import stage


def tags_of(name: str, namespace: str, version: str) -> set[str]:
    """The tags of a run by what it carries; its worker writes them before its code starts, where it knows them by then."""
    return {f"service:{name}", f"namespace:{namespace}", f"version:{version}"}


@stage("label run", run_name="label run {ref}", delays=[1.0])
async def label_run(ref: RolloutRef) -> None:
    """Name the run `roll_out shop.test@1.2.0` and tag it with service, namespace and version, where it is not yet."""
    if not flow_run.id:
        return
    before, name = set(flow_run.tags or []), f"roll_out {ref}"
    tags = before | tags_of(ref.name, ref.namespace, ref.version)
    if (flow_run.name, before) == (name, tags):
        return
    async with get_client() as client:
        await client.update_flow_run(flow_run_id=flow_run.id, name=name, tags=sorted(tags))
