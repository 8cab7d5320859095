"""Find rollouts that are under way and that nobody carries: their worker is gone and no run is left to go on."""

from __future__ import annotations

import time
from typing import Any

from blocks.connections import connections
from blocks.kinds import CANARY, DEPLOYMENT, LEASE
from blocks.lease import WORKER_ANNOTATION
from blocks.prefect_runs import active_runs
from sluice.errors import InvalidError
from sluice.events.model import TargetChanged
from sluice.manifests.canary import Canary
from sluice.rollout.needs import needs_rollout
from sluice.rollout.revision import revision_of, version_of
from tasks.looked_after import looked_after
from tasks.stage import stage

Object = dict[str, Any]
Key = tuple[str, str]
TIME_TO_BEGIN = 90.0
"""Seconds that what was never begun is left to its event."""
_before: dict[tuple[str, str, str], float] = {}
"""Since when each Canary's revision has been seen to want a run."""


@stage("find orphans")
async def find_orphans() -> list[TargetChanged]:
    """An event for each Canary that needs a run and has none: orphans, and changes whose event was lost.

    Costs two lists of the cluster and a page of runs for every 200 that are under way, however many Canaries there are;
    only a Canary that seems to need a run is looked at by itself.
    """
    canaries = [canary for item in await looked_after(CANARY) if (canary := _living(item))]
    if not canaries:
        return []
    targets = {_key(item): item for item in await looked_after(DEPLOYMENT)}
    wanting = []
    for canary in canaries:
        target = targets.get((canary.namespace, canary.target))
        if target is not None and _wants(canary, target):
            wanting.append((canary, target))
    if not wanting:
        return []
    # Asked after the Canaries: a run that ended in between has written its end before.
    carried = {
        (str(run.parameters.get("namespace")), str(run.parameters.get("canary")))
        for run in await active_runs("roll_out")
    }
    left = [one for one in wanting if _name(one[0]) not in carried]
    return [event for canary, target in _due(left) if (event := await _event_for(canary, target))]


def _due(wanting: list[tuple[Canary, Object]]) -> list[tuple[Canary, Object]]:
    """Those that were begun and left, at once; what was never begun, once its event has had the time to start it.

    In a burst an event waits in Prefect's queue for its turn, and no run tells of it yet.
    """
    global _before  # noqa: PLW0603 - what the look before this one saw, in this process
    now = time.monotonic()
    new = {(*_name(canary), revision_of(target)) for canary, target in wanting if not _begun(canary)}
    _before = {key: _before.get(key, now) for key in new}
    return [
        (canary, target)
        for canary, target in wanting
        if _begun(canary) or now - _before[(*_name(canary), revision_of(target))] >= TIME_TO_BEGIN
    ]


def _begun(canary: Canary) -> bool:
    return canary.status.phase is not None and canary.status.phase.in_progress


def _name(canary: Canary) -> Key:
    return canary.namespace, canary.name


def _living(item: Object) -> Canary | None:
    """A Canary that is valid and that nobody is deleting: then there is nothing to be started for it any more."""
    if item["metadata"].get("deletionTimestamp"):
        return None
    try:
        return Canary.parse(item)
    except InvalidError:
        return None


def _wants(canary: Canary, target: Object) -> bool:
    return _begun(canary) or needs_rollout(canary, revision_of(target))


async def _event_for(canary: Canary, target: Object) -> TargetChanged | None:
    wired = connections()
    lease = await wired.cluster.find(LEASE, f"sluice-{canary.name}", canary.namespace)
    spec = (lease or {}).get("spec") or {}
    holder, renewed = spec.get("holderIdentity") or "", spec.get("renewTime") or ""
    where = ((lease or {}).get("metadata") or {}).get("annotations", {}).get(WORKER_ANNOTATION, "")
    if holder and await wired.workers.alive(holder, where):
        return None
    revision = revision_of(target)
    return TargetChanged(
        delivery=f"{canary.metadata.uid}/{revision}/orphan/{renewed or canary.metadata.resource_version}",
        namespace=canary.namespace,
        canary=canary.name,
        revision=revision,
        version=version_of(target),
    )


def _key(item: Object) -> Key:
    return item["metadata"]["namespace"], item["metadata"]["name"]
