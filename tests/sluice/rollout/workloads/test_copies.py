"""The copies of a target: the primary that serves users, and the baseline that the canary may be compared with."""

from __future__ import annotations

import copy

from sluice.rollout.objects import REVISION_ANNOTATION, is_owned, owner_of
from sluice.rollout.revision import revision_of
from sluice.rollout.workloads.copies import baseline_copy, baseline_of, primary_copy
from sluice.rollout.workloads.deployment import DEPLOYMENT
from tests.samples import canary, deployment, success_rate

COMPARED = {"analysis": {"stepWeights": [10, 50], "metrics": [success_rate(99)], "comparison": {}}}


def test_the_primary_is_the_target_under_its_own_name_and_labels() -> None:
    """Same template, other pods: no selector of one finds the other's; the target itself is not changed."""
    target = deployment(replicas=0)
    before = copy.deepcopy(target)
    primary = primary_copy(DEPLOYMENT, canary(), target, 3)
    assert target == before
    assert (primary["metadata"]["name"], primary["spec"]["replicas"]) == ("shop-primary", 3)
    assert primary["spec"]["selector"]["matchLabels"] == {"app": "shop-primary"}
    assert primary["spec"]["template"]["metadata"]["labels"]["app"] == "shop-primary"
    assert primary["spec"]["template"]["spec"] == target["spec"]["template"]["spec"]
    assert primary["metadata"]["annotations"][REVISION_ANNOTATION] == revision_of(target)


def test_the_primary_leaves_a_kustomization_s_inventory() -> None:
    """Labels by which a Kustomization finds what it may prune stay with the target."""
    target = deployment(change={"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "team": "cart"}}})
    labels = primary_copy(DEPLOYMENT, canary(), target, 1)["metadata"]["labels"]
    assert "kustomize.toolkit.fluxcd.io/name" not in labels
    assert labels["team"] == "cart"


def test_the_baseline_is_the_primary_s_template_under_its_own_name_and_labels() -> None:
    """New pods for each revision that they are compared with; nothing of the canary's template is in it."""
    it, target = canary(COMPARED), deployment("registry/shop:new")
    primary = primary_copy(DEPLOYMENT, it, deployment("registry/shop:old"), 3)
    before = copy.deepcopy(primary)
    made = baseline_copy(DEPLOYMENT, it, target, primary, 2, "r1")
    assert primary == before
    assert (made["metadata"]["name"], made["spec"]["replicas"]) == ("shop-baseline", 2)
    assert made["spec"]["selector"]["matchLabels"] == {"app": "shop-baseline"}
    assert made["spec"]["template"]["metadata"]["labels"]["app"] == "shop-baseline"
    assert made["spec"]["template"]["spec"] == primary["spec"]["template"]["spec"]
    assert (baseline_of(made), baseline_of(None)) == ("r1", "")
    assert made["spec"]["template"] != baseline_copy(DEPLOYMENT, it, target, primary, 2, "r2")["spec"]["template"]
    assert made["metadata"]["ownerReferences"] == [owner_of(it)]
    assert (is_owned(it, made), is_owned(it, deployment())) == (True, False)
