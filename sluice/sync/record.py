"""What a sync writes into the status of Flux's objects, in Flux's words: revisions, inventory, conditions and reasons.

The status is also the journal. What is about to be applied enters the inventory before it is applied, and
`lastAppliedRevision` is set only after everything was, so a sync that died loses track of nothing and is due again.
Each write carries the resourceVersion that was read, so that of two syncs of one Kustomization the one that looked first
finds out and looks again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sluice.manifests.conditions import (
    HEALTHY,
    READY,
    RECONCILING,
    STALLED,
    Condition,
    find_condition,
    reported,
    with_condition,
    without_condition,
)
from sluice.manifests.flux.kustomization import REQUESTED_AT, InventoryEntry, Kustomization
from sluice.manifests.flux.outcome import Body, observed, outcome
from sluice.sync.inventory import inventory
from sluice.sync.objects import ObjectId

SUCCEEDED = "ReconciliationSucceeded"
PROGRESSING = "Progressing"
BUILD_FAILED = "BuildFailed"
APPLY_FAILED = "ReconciliationFailed"
PRUNE_FAILED = "PruneFailed"
HEALTH_FAILED = "HealthCheckFailed"
HEALTH_PASSED = "Succeeded"
NOT_READY = "DependencyNotReady"
INVALID_EXPRESSION = "InvalidCELExpression"
DEPENDENCY_RETRY = 60.0
"""Seconds until one that waits for others is looked at once more, where nothing comes before."""
RETRIED = "ProgressingWithRetry"
SOURCE_REFUSED = "ArtifactFailed"


def is_due(kustomization: Kustomization, revision: str) -> bool:
    """Whether the revision is to be applied: another one was, or the manifest changed since, or the last try failed, or
    somebody asks for it."""
    status = kustomization.status
    done = _ready(status.conditions) and status.last_applied_revision == revision and observed(kustomization)
    return bool(kustomization.asked) or not done


def tried_in_vain(kustomization: Kustomization) -> bool:
    """Whether somebody has looked at it and it is not ready: it has to be tried once more."""
    status = kustomization.status
    return bool(status.conditions or status.last_attempted_revision) and not _ready(status.conditions)


def looked_at_after(kustomization: Kustomization) -> float:
    """Seconds after which it is applied once more though nothing happened: sooner where the last try failed."""
    if not tried_in_vain(kustomization):
        return kustomization.spec.interval
    ready = find_condition(kustomization.status.conditions, READY)
    if ready is not None and ready.reason == NOT_READY:
        return DEPENDENCY_RETRY
    return kustomization.spec.retried_after


def begun(
    kustomization: Kustomization,
    revision: str,
    planned: Iterable[ObjectId],
    now: datetime,
    let_go: Iterable[ObjectId] = (),
) -> Body:
    """The status while `revision`, which has the objects `planned`, is being applied; `let_go` are another one's now."""
    intended = {entry.id: entry for entry in (*inventory(planned).entries, *kustomization.status.inventory.entries)}
    for entry in inventory(let_go).entries:
        intended.pop(entry.id, None)
    status: Body = {"lastAttemptedRevision": revision, "inventory": _entries(intended.values())}
    status["conditions"] = in_progress(kustomization, f"applying {revision}", now)
    return _fenced(kustomization.metadata.resource_version, status)


def waiting(kustomization: Kustomization, message: str, now: datetime, *, resource_version: str) -> Body:
    """The status after all was applied, while the health checks wait."""
    unknown = Condition(type=HEALTHY, status="Unknown", reason=PROGRESSING, message=message)
    return _fenced(resource_version, {"conditions": in_progress(kustomization, message, now, unknown)})


def in_progress(kustomization: Kustomization, message: str, now: datetime, *more: Condition) -> list[Body]:
    """The conditions of one that is being worked on."""
    news = (
        Condition(type=READY, status="Unknown", reason=PROGRESSING, message="Reconciliation in progress"),
        Condition(type=RECONCILING, status="True", reason=PROGRESSING, message=message),
        *more,
    )
    conditions = without_condition(kustomization.status.conditions, STALLED)
    for one in news:
        about = one.model_copy(update={"observed_generation": kustomization.metadata.generation})
        conditions = with_condition(conditions, about, now)
    return [one.model_dump(by_alias=True) for one in conditions]


def applied(
    kustomization: Kustomization,
    revision: str,
    objects: Iterable[ObjectId],
    now: datetime,
    *,
    resource_version: str,
    healthy: str = "",
) -> Body:
    """The status after everything of `revision` was applied, what left was pruned, and health checks have passed.

    Args:
        healthy: what the health checks say; empty where there are none.
    """
    ready = Condition(type=READY, status="True", reason=SUCCEEDED, message=f"Applied revision: {revision}")
    passed = [Condition(type=HEALTHY, status="True", reason=HEALTH_PASSED, message=healthy)] if healthy else []
    status = {
        "lastAppliedRevision": revision,
        "lastAttemptedRevision": revision,
        "inventory": _entries(inventory(objects).entries),
    }
    return _fenced(resource_version, status | _answered(kustomization) | ended(kustomization, ready, now, passed))


def failed(
    kustomization: Kustomization,
    reason: str,
    message: str,
    now: datetime,
    *,
    resource_version: str,
    stalled: bool = False,
) -> Body:
    """The status after a sync that did not come to its end. The inventory stays as it was intended.

    It goes on being worked on, as in Flux: at its retry interval. The observed generation stays, for nothing of this
    manifest is true yet.

    Args:
        stalled: whether trying once more is of no use before somebody changes the manifest.
    """
    generation = kustomization.metadata.generation
    news = [Condition(type=READY, status="False", reason=reason, message=message)]
    if stalled:
        news.append(Condition(type=STALLED, status="True", reason=reason, message=message))
    else:
        news.append(
            Condition(
                type=RECONCILING,
                status="True",
                reason=RETRIED,
                message="the last try failed, and there will be another one",
            )
        )
    if reason == HEALTH_FAILED:
        news.append(Condition(type=HEALTHY, status="False", reason=reason, message=message))
    conditions = without_condition(kustomization.status.conditions, RECONCILING if stalled else STALLED)
    for one in news:
        conditions = with_condition(conditions, one.model_copy(update={"observed_generation": generation}), now)
    written = reported(conditions, kustomization.spec.unsupported("spec"), generation, now)
    status = {"conditions": [one.model_dump(by_alias=True) for one in written]} | _answered(kustomization)
    return _fenced(resource_version, status | ({"observedGeneration": generation} if stalled else {}))


def ended(kustomization: Kustomization, ready: Condition, now: datetime, more: Iterable[Condition] = ()) -> Body:
    """The observed generation and the conditions of a sync that came to its end."""
    rest = kustomization.status.conditions
    for name in (STALLED, HEALTHY):
        rest = without_condition(rest, name)
    for one in more:
        old = [each for each in kustomization.status.conditions if each.type == one.type]
        about = one.model_copy(update={"observed_generation": kustomization.metadata.generation})
        rest = (*rest, *with_condition(old, about, now))
    status = kustomization.status.model_copy(update={"conditions": rest})
    return outcome(kustomization.model_copy(update={"status": status}), ready, now)


def refused(kustomization: Kustomization, why: str, now: datetime) -> Body | None:
    """The status of one whose source sluice cannot read; None where somebody has looked at this manifest already.

    That may be a controller of Flux's, which can read it: then the status is that controller's.
    """
    if observed(kustomization):
        return None
    ready = Condition(type=READY, status="False", reason=SOURCE_REFUSED, message=why)
    return _fenced(kustomization.metadata.resource_version, outcome(kustomization, ready, now))


def _answered(kustomization: Kustomization) -> Body:
    asked = kustomization.metadata.annotations.get(REQUESTED_AT, "")
    return {"lastHandledReconcileAt": asked} if asked else {}


def _ready(conditions: Iterable[Condition]) -> bool:
    found = find_condition(conditions, READY)
    return found is not None and found.status == "True"


def _entries(entries: Iterable[InventoryEntry]) -> Body:
    return {"entries": [entry.model_dump(include={"id", "v"}) for entry in sorted(entries, key=lambda one: one.id)]}


def _fenced(resource_version: str, status: Body) -> Body:
    return {"metadata": {"resourceVersion": resource_version}, "status": status}
