"""Name and tag a flow run by what it carries, so that people find it in the UI."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from tasks.scene.rollout_ref import RolloutRef
from tasks.stage import stage


def tags_of(name: str, namespace: str, version: str) -> set[str]:
    """The tags of a run by what it carries; its worker writes them before its code starts, where it knows them by then."""
    return {f"service:{name}", f"namespace:{namespace}", f"version:{version}"}


def is_labelled(ref: RolloutRef) -> bool:
    """Whether the current run is named and tagged so; one that is no run of Prefect's has nothing to be named."""
    if not flow_run.id:
        return True
    return flow_run.name == _name(ref) and tags_of(ref.name, ref.namespace, ref.version) <= set(flow_run.tags or [])


def _name(ref: RolloutRef) -> str:
    return f"roll_out {ref}"


@stage("label run", run_name="label run {ref}", delays=[1.0])
async def label_run(ref: RolloutRef) -> None:
    """Name the run `roll_out shop.test@1.2.0` and tag it with service, namespace and version, where it is not yet."""
    if is_labelled(ref):
        return
    tags = {*(flow_run.tags or []), *tags_of(ref.name, ref.namespace, ref.version)}
    async with get_client() as client:
        await client.update_flow_run(flow_run_id=flow_run.id, name=_name(ref), tags=sorted(tags))
