"""What a sync writes into the status of Flux's objects, in Flux's words: revisions, inventory, conditions and reasons.

The status is also the journal. What is about to be applied enters the inventory before it is applied, and
`lastAppliedRevision` is set only after everything was, so a sync that died loses track of nothing and is due again.
Each write carries the resourceVersion that was read, so that of two syncs of one Kustomization the one that looked first
finds out and looks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sluice.manifests.conditions import (
    READY,
    RECONCILING,
    UNSUPPORTED,
    Condition,
    rfc3339,
    with_condition,
    without_condition,
)
from sluice.manifests.git_repository import GitRepository
from sluice.manifests.kustomization import InventoryEntry, Kustomization
from sluice.sync.inventory import inventory
from sluice.sync.objects import ObjectId

Body = dict[str, Any]
SUCCEEDED = "ReconciliationSucceeded"
PROGRESSING = "Progressing"
BUILD_FAILED = "BuildFailed"
APPLY_FAILED = "ReconciliationFailed"
PRUNE_FAILED = "PruneFailed"
FETCHED = "Succeeded"


def is_due(kustomization: Kustomization, revision: str) -> bool:
    """Whether the revision is to be applied: another one was, or the manifest changed since, or the last try failed."""
    status = kustomization.status
    ready = any(one.type == READY and one.status == "True" for one in status.conditions)
    return not (
        ready
        and status.last_applied_revision == revision
        and status.observed_generation == kustomization.metadata.generation
    )


def begun(kustomization: Kustomization, revision: str, planned: Iterable[ObjectId], now: datetime) -> Body:
    """The status while `revision`, which has the objects `planned`, is being applied."""
    progress = Condition(type=RECONCILING, status="True", reason=PROGRESSING, message=f"applying {revision}")
    conditions = _with(kustomization.status.conditions, [progress], kustomization.metadata.generation, now)
    intended = {entry.id: entry for entry in (*inventory(planned).entries, *kustomization.status.inventory.entries)}
    status = {"lastAttemptedRevision": revision, "inventory": _entries(intended.values())} | _listed(conditions)
    return _fenced(kustomization.metadata.resource_version, status)


def applied(
    kustomization: Kustomization, revision: str, objects: Iterable[ObjectId], now: datetime, *, resource_version: str
) -> Body:
    """The status after everything of `revision` was applied and what left was pruned."""
    ready = Condition(type=READY, status="True", reason=SUCCEEDED, message=f"Applied revision: {revision}")
    return _fenced(
        resource_version,
        {
            "lastAppliedRevision": revision,
            "lastAttemptedRevision": revision,
            "observedGeneration": kustomization.metadata.generation,
            "inventory": _entries(inventory(objects).entries),
        }
        | _listed(_final(kustomization, ready, now)),
    )


def failed(kustomization: Kustomization, reason: str, message: str, now: datetime, *, resource_version: str) -> Body:
    """The status after a sync that did not come to its end. The inventory stays as it was intended."""
    ready = Condition(type=READY, status="False", reason=reason, message=message)
    return _fenced(
        resource_version,
        {"observedGeneration": kustomization.metadata.generation} | _listed(_final(kustomization, ready, now)),
    )


def fetched(source: GitRepository, revision: str, now: datetime) -> Body | None:
    """The status of a source whose branch is at `revision`; None where it says so already."""
    wanted = Condition(type=READY, status="True", reason=FETCHED, message=f"stored artifact for revision '{revision}'")
    conditions = _with(
        source.status.conditions,
        [wanted, *_unsupported(source.spec.unsupported("spec"))],
        source.metadata.generation,
        now,
    )
    known = source.status.artifact.revision if source.status.artifact else ""
    if known == revision and source.status.observed_generation == source.metadata.generation:
        return None
    commit = revision.rpartition(":")[2]
    artifact = {
        "revision": revision,
        "digest": "",
        "lastUpdateTime": rfc3339(now),
        "path": f"gitrepository/{source.namespace}/{source.name}/{commit}",
        "url": source.spec.url,
    }
    return {"status": {"artifact": artifact, "observedGeneration": source.metadata.generation} | _listed(conditions)}


def _final(kustomization: Kustomization, ready: Condition, now: datetime) -> tuple[Condition, ...]:
    rest = without_condition(without_condition(kustomization.status.conditions, RECONCILING), UNSUPPORTED)
    new = [ready, *_unsupported(kustomization.spec.unsupported("spec"))]
    return _with(rest, new, kustomization.metadata.generation, now)


def _unsupported(paths: Iterable[str]) -> list[Condition]:
    named = ", ".join(paths)
    if not named:
        return []
    return [Condition(type=UNSUPPORTED, status="True", reason="NotActedOn", message=f"sluice does not act on {named}")]


def _with(
    conditions: Sequence[Condition], new: Iterable[Condition], generation: int, now: datetime
) -> tuple[Condition, ...]:
    result = tuple(conditions)
    for one in new:
        result = with_condition(result, one.model_copy(update={"observed_generation": generation}), now)
    return result


def _entries(entries: Iterable[InventoryEntry]) -> Body:
    return {"entries": [entry.model_dump(include={"id", "v"}) for entry in sorted(entries, key=lambda one: one.id)]}


def _listed(conditions: Iterable[Condition]) -> Body:
    return {"conditions": [one.model_dump(by_alias=True) for one in conditions]}


def _fenced(resource_version: str, status: Body) -> Body:
    return {"metadata": {"resourceVersion": resource_version}, "status": status}
