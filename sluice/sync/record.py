"""What a sync writes into the status of Flux's objects, in Flux's words: revisions, inventory, conditions and reasons.

The status is also the journal. What is about to be applied enters the inventory before it is applied, and
`lastAppliedRevision` is set only after everything was, so a sync that died loses track of nothing and is due again.
Each write carries the resourceVersion that was read, so that of two syncs of one Kustomization the one that looked first
finds out and looks again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sluice.manifests.conditions import READY, RECONCILING, Condition, find_condition, with_condition
from sluice.manifests.flux.kustomization import InventoryEntry, Kustomization
from sluice.manifests.flux.outcome import Body, observed, outcome
from sluice.sync.inventory import inventory
from sluice.sync.objects import ObjectId

SUCCEEDED = "ReconciliationSucceeded"
PROGRESSING = "Progressing"
BUILD_FAILED = "BuildFailed"
APPLY_FAILED = "ReconciliationFailed"
PRUNE_FAILED = "PruneFailed"
SOURCE_REFUSED = "ArtifactFailed"


def is_due(kustomization: Kustomization, revision: str) -> bool:
    """Whether the revision is to be applied: another one was, or the manifest changed since, or the last try failed."""
    status = kustomization.status
    return not (_ready(status.conditions) and status.last_applied_revision == revision and observed(kustomization))


def begun(kustomization: Kustomization, revision: str, planned: Iterable[ObjectId], now: datetime) -> Body:
    """The status while `revision`, which has the objects `planned`, is being applied."""
    progress = Condition(type=RECONCILING, status="True", reason=PROGRESSING, message=f"applying {revision}")
    condition = progress.model_copy(update={"observed_generation": kustomization.metadata.generation})
    conditions = with_condition(kustomization.status.conditions, condition, now)
    intended = {entry.id: entry for entry in (*inventory(planned).entries, *kustomization.status.inventory.entries)}
    status: Body = {"lastAttemptedRevision": revision, "inventory": _entries(intended.values())}
    status["conditions"] = [one.model_dump(by_alias=True) for one in conditions]
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
            "inventory": _entries(inventory(objects).entries),
        }
        | outcome(kustomization, ready, now),
    )


def failed(kustomization: Kustomization, reason: str, message: str, now: datetime, *, resource_version: str) -> Body:
    """The status after a sync that did not come to its end. The inventory stays as it was intended."""
    ready = Condition(type=READY, status="False", reason=reason, message=message)
    return _fenced(resource_version, outcome(kustomization, ready, now))


def refused(kustomization: Kustomization, why: str, now: datetime) -> Body | None:
    """The status of one whose source sluice cannot read; None where somebody has looked at this manifest already.

    That may be a controller of Flux's, which can read it: then the status is that controller's.
    """
    if observed(kustomization):
        return None
    ready = Condition(type=READY, status="False", reason=SOURCE_REFUSED, message=why)
    return _fenced(kustomization.metadata.resource_version, outcome(kustomization, ready, now))


def _ready(conditions: Iterable[Condition]) -> bool:
    found = find_condition(conditions, READY)
    return found is not None and found.status == "True"


def _entries(entries: Iterable[InventoryEntry]) -> Body:
    return {"entries": [entry.model_dump(include={"id", "v"}) for entry in sorted(entries, key=lambda one: one.id)]}


def _fenced(resource_version: str, status: Body) -> Body:
    return {"metadata": {"resourceVersion": resource_version}, "status": status}
