"""Find rollouts that are under way and that nobody carries: their worker is gone and no run is left to go on."""

from __future__ import annotations

from itertools import chain

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter
from prefect.client.schemas.objects import StateType

from blocks.connections import connections
from blocks.kinds import CANARY, DEPLOYMENT, LEASE
from blocks.lease import WORKER_ANNOTATION
from sluice.errors import InvalidError
from sluice.events.model import TargetChanged
from sluice.manifests.canary import Canary
from sluice.rollout.needs import needs_rollout
from sluice.rollout.revision import revision_of, version_of
from tasks.stage import stage

ACTIVE = [StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED, StateType.PAUSED, StateType.CANCELLING]


@stage("find orphans")
async def find_orphans() -> list[TargetChanged]:
    """An event for each Canary that needs a run and has none: orphans, and changes whose event was lost."""
    wired = connections()
    carried = await _carried()
    found = []
    lists = [await wired.cluster.list(CANARY, namespace) for namespace in wired.namespaces or (None,)]
    for item in chain.from_iterable(lists):
        try:
            canary = Canary.parse(item)
        except InvalidError:
            continue
        if (canary.namespace, canary.name) in carried:
            continue
        event = await _event_for(canary)
        if event:
            found.append(event)
    return found


async def _event_for(canary: Canary) -> TargetChanged | None:
    wired = connections()
    target = await wired.cluster.find(DEPLOYMENT, canary.target, canary.namespace)
    if target is None:
        return None
    phase, revision = canary.status.phase, revision_of(target)
    orphan = phase is not None and phase.in_progress
    if not orphan and not needs_rollout(canary, revision):
        return None
    lease = await wired.cluster.find(LEASE, f"sluice-{canary.name}", canary.namespace)
    spec = (lease or {}).get("spec") or {}
    holder, renewed = spec.get("holderIdentity") or "", spec.get("renewTime") or ""
    where = ((lease or {}).get("metadata") or {}).get("annotations", {}).get(WORKER_ANNOTATION, "")
    if holder and await wired.workers.alive(holder, where):
        return None
    return TargetChanged(
        delivery=f"{canary.metadata.uid}/{revision}/orphan/{renewed or canary.metadata.resource_version}",
        namespace=canary.namespace,
        canary=canary.name,
        revision=revision,
        version=version_of(target),
    )


async def _carried() -> set[tuple[str, str]]:
    """The Canaries that a flow run in Prefect is there for, running or waiting to run."""
    async with get_client() as client:
        runs = await client.read_flow_runs(
            flow_filter=FlowFilter.model_validate({"name": {"any_": ["roll_out"]}}),
            flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": ACTIVE}}}),
            limit=200,
        )
    return {(str(run.parameters.get("namespace")), str(run.parameters.get("canary"))) for run in runs}
