"""A rollout's target keeps its replicas, whatever git says about them."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.sync.ownership import is_owned, is_target, owned, rollout_targets, yielding_replicas
from tests.samples import canary


def deployment(**meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": "test", **meta},
        "spec": {"replicas": 3, "paused": False},
    }


def held(*managers: tuple[str, str], field: str = "f:replicas", subresource: str = "") -> dict[str, Any]:
    entries = [
        {"manager": name, "operation": how, "fieldsV1": {"f:spec": {field: {}}}, "subresource": subresource}
        for name, how in managers
    ]
    return {**deployment(resourceVersion="9", managedFields=entries), "spec": {"replicas": 0}}


def test_a_target_that_is_not_there_gets_all_of_git() -> None:
    """The first sync creates it, and a manifest that says nothing of replicas is applied as it is."""
    assert yielding_replicas(deployment(), None, "sluice") == deployment()
    silent = {**deployment(), "spec": {"paused": False}}
    assert yielding_replicas(silent, held(("kubectl", "Update")), "sluice") == silent


@pytest.mark.parametrize(
    "holders",
    [[("sluice-rollout", "Apply")], [("sluice", "Apply"), ("sluice-rollout", "Apply")], [("sluice", "Update")], []],
    ids=["the rollout's", "both", "by update", "nobody's"],
)
def test_replicas_that_somebody_else_holds_are_not_mentioned(holders: list[tuple[str, str]]) -> None:
    """Not naming the field gives it up; the other holder keeps it where it is."""
    manifest = yielding_replicas(deployment(), held(*holders), "sluice")
    assert manifest["spec"] == {"paused": False}
    assert "resourceVersion" not in manifest["metadata"]


def test_replicas_that_we_alone_hold_are_repeated_as_they_are() -> None:
    """Giving them up would set them to one; the number is fenced by the version that it was read with."""
    manifest = yielding_replicas(deployment(), held(("sluice", "Apply")), "sluice")
    assert manifest["spec"] == {"paused": False, "replicas": 0}
    assert manifest["metadata"]["resourceVersion"] == "9"
    assert yielding_replicas(deployment(), held(("sluice", "Apply"), field="f:paused"), "sluice")["spec"] == {
        "paused": False
    }


def test_the_manifest_that_was_rendered_is_not_changed() -> None:
    """Rules return new objects."""
    rendered = deployment()
    yielding_replicas(rendered, held(("sluice", "Apply")), "sluice")
    assert rendered == deployment()


def test_only_deployments_of_canaries_that_were_taken_up_are_targets() -> None:
    """Before a rollout has made its primary, git's replicas are the only ones that serve users."""
    fresh = canary()
    space, target = fresh.namespace, fresh.target
    manifest = deployment(name=target, namespace=space)
    assert not is_target(manifest, rollout_targets([fresh]))
    taken = fresh.model_copy(update={"status": fresh.status.model_copy(update={"phase": "Initialized"})})
    assert is_target(manifest, rollout_targets([taken]))
    assert not is_target(deployment(name=f"{target}-primary", namespace=space), rollout_targets([taken]))
    assert not is_target(deployment(name=target, namespace="elsewhere"), rollout_targets([taken]))


def test_an_object_is_its_kustomizations_by_its_labels() -> None:
    """Flux's labels, beside those that the object has; another Kustomization's object is not ours to delete."""
    one = owned(deployment(labels={"app": "shop"}), "team", "apps")
    assert one["metadata"]["labels"] == {
        "app": "shop",
        "kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "team",
    }
    assert is_owned(one, "team", "apps")
    assert not is_owned(one, "team", "other")
    assert not is_owned(one, "other", "apps")
    assert not is_owned(deployment(), "team", "apps")
