"""The status of sources and Kustomizations: a journal that a sync which died is found by, in Flux's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync import record
from sluice.sync.inventory import departed
from sluice.sync.objects import ObjectId

NOON, LATER = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 13, tzinfo=UTC)
ONE, TWO = "main@sha1:" + "1" * 40, "main@sha1:" + "2" * 40


def config(name: str) -> ObjectId:
    return ObjectId(group="", version="v1", kind="ConfigMap", namespace="team", name=name)


def kustomization(status: dict[str, Any] | None = None, generation: int = 1, **spec: Any) -> Kustomization:
    return Kustomization.parse(
        {
            "metadata": {"name": "shop", "namespace": "team", "resourceVersion": "7", "generation": generation},
            "spec": {"sourceRef": {"kind": "GitRepository", "name": "shop"}, "prune": True, **spec},
            "status": status or {},
        }
    )


def condition(body: dict[str, Any], type_: str) -> dict[str, Any] | None:
    return next((one for one in body["status"]["conditions"] if one["type"] == type_), None)


def after(body: dict[str, Any] | None) -> dict[str, Any]:
    assert body is not None
    return dict(body["status"])


def done(revision: str = ONE, *names: str, status: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    ids = [config(name) for name in names]
    return after(record.applied(kustomization(status, **more), revision, ids, NOON, resource_version="8"))


def test_a_revision_is_due_until_all_of_it_is_applied() -> None:
    """A new one, a changed manifest and a failed try are due; what is done is not."""
    assert record.is_due(kustomization(), ONE)
    status = done()
    assert not record.is_due(kustomization(status), ONE)
    assert record.is_due(kustomization(status), TWO)
    assert record.is_due(kustomization(status, generation=2), ONE)
    failed = record.failed(kustomization(status), record.APPLY_FAILED, "no", NOON, resource_version="8")
    assert record.is_due(kustomization(status | after(failed)), ONE)


def test_a_sync_that_died_loses_track_of_nothing() -> None:
    """What is about to be applied is in the inventory before it is; what was there is still in it; it is due again."""
    died = done(ONE, "old") | after(record.begun(kustomization(done(ONE, "old")), TWO, [config("new")], LATER))
    names = {one["id"] for one in died["inventory"]["entries"]}
    assert names == {"team_old__ConfigMap", "team_new__ConfigMap"}
    assert died["lastAttemptedRevision"] == TWO
    assert died["lastAppliedRevision"] == ONE
    again = kustomization(died)
    assert record.is_due(again, TWO)
    assert departed(again.status.inventory, [config("third")]) == [config("new"), config("old")]


def test_each_write_of_a_sync_is_fenced() -> None:
    """Of two syncs of one Kustomization the one that looked first finds out."""
    one = kustomization()
    assert record.begun(one, ONE, [], NOON)["metadata"] == {"resourceVersion": "7"}
    assert record.applied(one, ONE, [], NOON, resource_version="8")["metadata"] == {"resourceVersion": "8"}
    assert record.failed(one, "R", "m", NOON, resource_version="9")["metadata"] == {"resourceVersion": "9"}


def test_a_failure_says_why_and_keeps_what_is_applied() -> None:
    """Ready is False with the reason and the message; revision and inventory are not touched; it will be tried once more."""
    before = done(ONE, "a")
    begun = before | after(record.begun(kustomization(before), TWO, [], LATER))
    body = record.failed(kustomization(begun), record.BUILD_FAILED, "bad.yaml", LATER, resource_version="8")
    ready = condition(body, "Ready")
    assert ready
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", "BuildFailed", "bad.yaml")
    assert "lastAppliedRevision" not in body["status"]
    assert "inventory" not in body["status"]
    going_on = condition(body, "Reconciling")
    assert going_on
    assert (going_on["status"], going_on["reason"]) == ("True", "ProgressingWithRetry")


def test_ready_since_is_true() -> None:
    """The time of a condition moves with its status only, also that of the fields that are not acted on."""
    first = done(ONE, interval="1m")
    second = after(record.applied(kustomization(first, interval="1m"), TWO, [], LATER, resource_version="8"))
    assert {one["lastTransitionTime"] for one in second["conditions"]} == {"2026-01-01T12:00:00Z"}
    failed = record.failed(kustomization(second), "R", "m", LATER, resource_version="8")
    ready = condition(failed, "Ready")
    assert ready
    assert ready["lastTransitionTime"] == "2026-01-01T13:00:00Z"


def test_fields_that_are_not_acted_on_are_named_until_they_are_gone() -> None:
    """A setting that a user believes in and nobody obeys is worse than an error."""
    status = done(ONE, interval="1m", further=[{"paths": ["/x"]}], another={})
    told = condition({"status": status}, "UnsupportedFields")
    assert told
    assert told["message"] == "sluice does not act on spec.further, spec.another"
    assert condition({"status": done(TWO, status=status)}, "UnsupportedFields") is None
