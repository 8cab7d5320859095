"""Find rollouts that are under way and that nobody carries: their worker is gone and no run is left to go on."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from blocks.connections import connections
from blocks.kubernetes.kinds import CANARY, LEASE, kind_of
from blocks.leases.lease import WORKER_ANNOTATION
from blocks.prefect.runs import active_runs
from sluice.errors import InvalidError
from sluice.events.model import TargetChanged
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.needs import needs_primary, needs_rollout
from sluice.rollout.revision import version_of
from sluice.rollout.safety.begun import as_begun, salvageable, salvaged
from sluice.rollout.workloads import WORKLOADS, workload_of
from sluice.rollout.written import written_at
from tasks.stage import stage

Object = dict[str, Any]
Key = tuple[str, str]
TIME_TO_BEGIN = 90.0
"""Seconds that what was never begun is left to its event."""


class Wanting(NamedTuple):
    """A Canary that seems to need a run.

    Attributes:
        canary: it.
        target: its workload, as the API server holds it; None where it was deleted in the middle of a release.
        since: when the later of the two was last given what it is to be, in seconds since 1970.
    """

    canary: Canary
    target: Object | None
    since: float


@stage("find orphans")
async def find_orphans() -> list[TargetChanged]:
    """An event for each Canary that needs a run and has none: orphans, and changes whose event was lost.

    Costs a page of runs for every 200 that are under way, however many Canaries there are: those and their targets are known
    by watches. Only one that seems to need a run is asked of the API server, which is not behind.
    """
    given = connections().informers.given
    canaries = [(canary, item) for item in await given(CANARY) if (canary := _living(item))]
    if not canaries:
        return []
    named = {canary.spec.target_ref.kind for canary, _ in canaries}
    targets = {kind: {_key(one): one for one in await given(kind_of(WORKLOADS[kind]))} for kind in named}
    seem = (
        _wanting(canary, item, targets[canary.spec.target_ref.kind].get((canary.namespace, canary.target)))
        for canary, item in canaries
    )
    due = _due([one for one in seem if one], time.time())
    if not due:
        return []
    # Asked after the Canaries: a run that ended in between has written its end before.
    carried = {
        (str(run.parameters.get("namespace")), str(run.parameters.get("canary")))
        for run in await active_runs("roll_out")
    }
    left = [now for one in due if _name(one.canary) not in carried and (now := await _now(one.canary))]
    return [event for one in _due(left, time.time()) if (event := await _event_for(one.canary, one.target))]


def _wanting(canary: Canary, item: Object, target: Object | None) -> Wanting | None:
    if _begun(canary) or (target is not None and _wants(canary, target)):
        return Wanting(canary, target, max(written_at(item), written_at(target) if target else 0.0))
    return None


async def _now(canary: Canary) -> Wanting | None:
    """What seems to need a run, by the API server's word of now; None where it needs none: the watch was behind."""
    cluster = connections().cluster
    item = await cluster.find(CANARY, canary.name, canary.namespace)
    now = _living(item) if item else None
    if item is None or now is None:
        return None
    return _wanting(now, item, await cluster.find(kind_of(workload_of(now)), now.target, now.namespace))


def _due(wanting: list[Wanting], now: float) -> list[Wanting]:
    """Those that were begun and left, at once; what was never begun, once its event has had the time to start it.

    In a burst an event waits in Prefect's queue for its turn, and no run tells of it yet. The time counts from the change
    itself: a worker that looks for the first time, as each does that took another's place, must not wait from the start.
    """
    return [one for one in wanting if _begun(one.canary) or now - one.since >= TIME_TO_BEGIN]


def _begun(canary: Canary) -> bool:
    """Whether something is under way that a run has to bring to its end. A primary that is not to be made now is not."""
    phase = canary.status.phase
    return phase is not None and phase.in_progress and not (canary.spec.suspend and needs_primary(canary))


def _name(canary: Canary) -> Key:
    return canary.namespace, canary.name


def _living(item: Object) -> Canary | None:
    """A Canary that nobody is deleting and that is valid; or has to be brought home by what can still be read of it."""
    if item["metadata"].get("deletionTimestamp"):
        return None
    try:
        canary = Canary.parse(item)
        workload_of(canary)
    except InvalidError:
        return _salvaged(item)
    return as_begun(canary)


def _salvaged(item: Object) -> Canary | None:
    try:
        return salvaged(item) if salvageable(item) else None
    except InvalidError:
        return None


def _wants(canary: Canary, target: Object) -> bool:
    return needs_rollout(canary, workload_of(canary).revision(canary, target))


async def _event_for(canary: Canary, target: Object | None) -> TargetChanged | None:
    wired = connections()
    lease = await wired.cluster.find(LEASE, f"sluice-{canary.name}", canary.namespace)
    spec = (lease or {}).get("spec") or {}
    holder, renewed = spec.get("holderIdentity") or "", spec.get("renewTime") or ""
    where = ((lease or {}).get("metadata") or {}).get("annotations", {}).get(WORKER_ANNOTATION, "")
    if holder and await wired.workers.alive(holder, where):
        return None
    revision = workload_of(canary).revision(canary, target) if target else canary.status.last_applied_spec
    return TargetChanged(
        delivery=f"{canary.metadata.uid}/{revision}/orphan/{renewed or canary.metadata.resource_version}",
        namespace=canary.namespace,
        canary=canary.name,
        revision=revision,
        version=version_of(target) if target else "",
    )


def _key(item: Object) -> Key:
    return item["metadata"]["namespace"], item["metadata"]["name"]
