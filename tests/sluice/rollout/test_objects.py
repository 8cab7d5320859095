"""The objects that a Canary brings forth."""

from __future__ import annotations

import copy

import pytest

from sluice.errors import InvalidError
from sluice.rollout.baseline import baseline_deployment, baseline_of
from sluice.rollout.objects import (
    REVISION_ANNOTATION,
    is_owned,
    owner_of,
    primary_deployment,
    selector_label,
)
from sluice.rollout.revision import revision_of
from sluice.rollout.routes.gateway_api import GatewayApi
from sluice.rollout.services import services
from sluice.rollout.split import split
from tests.samples import canary, deployment, success_rate


def test_the_primary_is_the_target_under_its_own_name_and_labels() -> None:
    """Same template, other pods: no selector of one finds the other's; the target itself is not changed."""
    target = deployment(replicas=0)
    before = copy.deepcopy(target)
    primary = primary_deployment(canary(), target, 3)
    assert target == before
    assert (primary["metadata"]["name"], primary["spec"]["replicas"]) == ("shop-primary", 3)
    assert primary["spec"]["selector"]["matchLabels"] == {"app": "shop-primary"}
    assert primary["spec"]["template"]["metadata"]["labels"]["app"] == "shop-primary"
    assert primary["spec"]["template"]["spec"] == target["spec"]["template"]["spec"]
    assert primary["metadata"]["annotations"][REVISION_ANNOTATION] == revision_of(target)


def test_the_primary_leaves_a_kustomization_s_inventory() -> None:
    """Labels by which a Kustomization finds what it may prune stay with the target."""
    target = deployment(change={"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "team": "cart"}}})
    labels = primary_deployment(canary(), target, 1)["metadata"]["labels"]
    assert "kustomize.toolkit.fluxcd.io/name" not in labels
    assert labels["team"] == "cart"


@pytest.mark.parametrize(
    ("labels", "chosen"),
    [
        ({"app": "a", "name": "b"}, ("app", "a")),
        ({"name": "b", "tier": "x"}, ("name", "b")),
        ({"app.kubernetes.io/name": "c"}, ("app.kubernetes.io/name", "c")),
    ],
)
def test_the_label_that_tells_pods_apart_is_flagger_s_choice(labels: dict[str, str], chosen: tuple[str, str]) -> None:
    """app, name, app.kubernetes.io/name, in this order."""
    target = deployment()
    target["spec"]["selector"]["matchLabels"] = labels
    assert selector_label(target) == chosen


def test_a_selector_without_such_a_label_is_refused_with_the_way_out() -> None:
    """The message names the field and the labels that would do."""
    target = deployment()
    target["spec"]["selector"]["matchLabels"] = {"tier": "web"}
    with pytest.raises(InvalidError, match=r"spec\.selector\.matchLabels needs one of app, name"):
        selector_label(target)


COMPARED = {"analysis": {"stepWeights": [10, 50], "metrics": [success_rate(99)], "comparison": {}}}


@pytest.mark.parametrize(
    ("weight", "primary", "beside"), [(0, 100, 0), (1, 98, 1), (10, 80, 10), (50, 0, 50), (51, 49, 0), (100, 0, 0)]
)
def test_the_baseline_has_as_much_traffic_as_the_canary_and_none_in_a_promotion(
    weight: int, primary: int, beside: int
) -> None:
    """The primary has the rest; all of it together is all the traffic."""
    assert split(canary(COMPARED), weight) == {
        "shop-primary": primary,
        "shop-canary": weight,
        "shop-baseline": beside,
    }
    assert split(canary(), weight) == {"shop-primary": 100 - weight, "shop-canary": weight}


def test_the_baseline_is_the_primary_s_template_under_its_own_name_and_labels() -> None:
    """New pods for each revision that they are compared with; nothing of the canary's template is in it."""
    it, target = canary(COMPARED), deployment("registry/shop:new")
    primary = primary_deployment(it, deployment("registry/shop:old"), 3)
    before = copy.deepcopy(primary)
    made = baseline_deployment(it, target, primary, 2, "r1")
    assert primary == before
    assert (made["metadata"]["name"], made["spec"]["replicas"]) == ("shop-baseline", 2)
    assert made["spec"]["selector"]["matchLabels"] == {"app": "shop-baseline"}
    assert made["spec"]["template"]["metadata"]["labels"]["app"] == "shop-baseline"
    assert made["spec"]["template"]["spec"] == primary["spec"]["template"]["spec"]
    assert (baseline_of(made), baseline_of(None)) == ("r1", "")
    assert made["spec"]["template"] != baseline_deployment(it, target, primary, 2, "r2")["spec"]["template"]
    assert made["metadata"]["ownerReferences"] == [owner_of(it)]
    assert (is_owned(it, made), is_owned(it, deployment())) == (True, False)


def test_everything_goes_when_the_canary_goes() -> None:
    """Each object is owned by its Canary."""
    owned = [
        primary_deployment(canary(), deployment(), 1),
        *services(canary(), deployment()),
        GatewayApi().manifest(canary(), 0),
    ]
    for one in owned:
        assert one["metadata"]["ownerReferences"] == [owner_of(canary())]
