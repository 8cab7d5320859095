"""Name and tag a flow run by what it carries, so that people find it in the UI."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from tasks.scene.rollout_ref import RolloutRef
from tasks.stage import stage


@stage("label run", run_name="label run {ref}", delays=[1.0])
async def label_run(ref: RolloutRef) -> None:
    """Name the run `roll_out shop.test@1.2.0` and tag it with service, namespace and version."""
    if not flow_run.id:
        return
    tags = {*(flow_run.tags or []), f"service:{ref.name}", f"namespace:{ref.namespace}", f"version:{ref.version}"}
    async with get_client() as client:
        await client.update_flow_run(flow_run_id=flow_run.id, name=f"roll_out {ref}", tags=sorted(tags))
