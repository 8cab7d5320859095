"""The primary as the journal and the target's template say it is to be."""

from __future__ import annotations

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.needs import needs_primary
from sluice.rollout.objects import REVISION_ANNOTATION
from sluice.rollout.tending.difference import lacks
from sluice.rollout.workloads.base import Object, Workload
from sluice.rollout.workloads.copies import primary_copy


def given(primary: Object | None) -> str:
    """The revision that a primary was last given; empty where there is none, or it was made by another controller."""
    return str(((primary or {}).get("metadata", {}).get("annotations") or {}).get(REVISION_ANNOTATION, ""))


def due(workload: Workload, canary: Canary, target: Object, live: Object | None, weight: int | None) -> str:
    """The revision that the primary is to run; empty where nobody can say.

    While it is initialised that is what its target holds: a fix that is pushed reaches it. One that serves users already,
    because a status was lost, a backup restored or a process died right before the end, stays what it is: what the target
    holds is released. In a promotion it is the judged revision.

    Args:
        weight: the canary's at the router; None where nothing divides users yet.
    """
    status = canary.status
    if needs_primary(canary):
        alone = workload.writes.scaled(target, 0) is None
        serves = live is not None and workload.reads.ready(live) and (alone or (weight is not None and weight < 100))
        return (serves and given(live)) or workload.revision(canary, target)
    return status.last_applied_spec if status.phase is Phase.PROMOTING else status.last_promoted_spec


def wanted(workload: Workload, canary: Canary, source: Object, live: Object | None, pods: int) -> Object | None:
    """The manifest that brings the primary to what it is to be; None where it lacks nothing of it.

    Its size is left as it is: people and autoscalers set it.

    Args:
        source: the target with the template that is due.
        live: the primary as it is; None where there is none.
        pods: how many it gets where there is none.
    """
    if live is None:
        return primary_copy(workload, canary, source, pods)
    at_rest = workload.writes.scaled(live, 0) is None
    manifest = primary_copy(workload, canary, source, 0 if at_rest else max(workload.reads.pods(live), 1))
    return manifest if any(lacks(manifest, live)) else None
