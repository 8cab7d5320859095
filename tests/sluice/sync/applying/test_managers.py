"""Fields that kubectl or Flux have set on what git holds become ours; everybody else's stay theirs."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.sync.applying.managers import RESTARTED_AT, joined, takeover

Object = dict[str, Any]


def entry(manager: str, operation: str, *fields: str, **more: Any) -> Object:
    named = {"f:spec": {f"f:{name}": {} for name in fields}}
    return {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": named, **more}


TAKEN = [
    ("kubectl-set", "Update"),
    ("kubectl-client-side-apply", "Update"),
    ("kubectl-edit", "Update"),
    ("kubectl", "Apply"),
    ("before-first-apply", "Update"),
    ("kustomize-controller", "Apply"),
    ("sluice", "Update"),
]
LEFT = [
    entry("sluice-rollout", "Apply", "x"),
    entry("kube-controller-manager", "Update", "x"),
    entry("flux-client-side-apply", "Update", "x"),
    entry("kubectl", "Update", "x", subresource="scale"),
    entry("kustomize-controller", "Update", "x", subresource="status"),
]


@pytest.mark.parametrize(("manager", "operation"), TAKEN)
def test_their_entry_is_joined_to_ours(manager: str, operation: str) -> None:
    """Ours holds both sets of fields, and theirs is gone: the next apply takes away what git does not name."""
    found = joined(
        [entry("other", "Apply", "c"), entry("sluice", "Apply", "a"), entry(manager, operation, "b")], "sluice"
    )
    assert found == [entry("other", "Apply", "c"), entry("sluice", "Apply", "a", "b")]


@pytest.mark.parametrize("other", LEFT, ids=lambda one: f"{one['manager']} {one.get('subresource', '')}")
def test_everybody_else_s_entry_stays(other: Object) -> None:
    """Rollouts, autoscalers, and people who name a manager of their own because the change is to stay."""
    assert joined([entry("sluice", "Apply", "a"), other], "sluice") is None


def test_the_first_sync_of_what_kubectl_applied_takes_it_over() -> None:
    """Where we have no entry yet, theirs becomes ours; what kubectl counts from goes with it."""
    note = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "own": "x"}
    meta = {
        "resourceVersion": "7",
        "annotations": note,
        "managedFields": [entry("kubectl-client-side-apply", "Update", "a")],
    }
    assert takeover({"metadata": meta}, "sluice") == {
        "metadata": {
            "resourceVersion": "7",
            "managedFields": [entry("sluice", "Apply", "a")],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": None},
        }
    }
    assert (
        takeover({"metadata": {"resourceVersion": "7", "managedFields": [entry("sluice", "Apply", "a")]}}, "sluice")
        is None
    )


def test_an_order_to_restart_is_not_taken_over() -> None:
    """`kubectl rollout restart` marks the template: taken away, the pods would be replaced once more (fluxcd/flux2#2526)."""
    mark = {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {".": {}, RESTARTED_AT: {}}}}}}
    entry = {"manager": "kubectl-rollout", "operation": "Update", "fieldsV1": mark}
    live = {"metadata": {"resourceVersion": "1", "managedFields": [entry]}}
    assert takeover(live, "sluice") is None
    more = {**entry, "fieldsV1": {"f:spec": {**mark["f:spec"], "f:paused": {}}}}
    body = takeover({"metadata": {"resourceVersion": "1", "managedFields": [more]}}, "sluice")
    assert body is not None
    assert body["metadata"]["managedFields"][0]["fieldsV1"] == {"f:spec": {"f:paused": {}}}
