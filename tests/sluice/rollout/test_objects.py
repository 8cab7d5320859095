"""The objects that a Canary brings forth."""

from __future__ import annotations

import pytest

from sluice.errors import InvalidError
from sluice.rollout.objects import owner_of, pod_query, selector_label
from sluice.rollout.routes.gateway_api import GatewayApi
from sluice.rollout.services import services
from sluice.rollout.split import split
from sluice.rollout.strategies.base import Traffic
from sluice.rollout.workloads.copies import primary_copy
from sluice.rollout.workloads.deployment import DEPLOYMENT
from tests.samples import canary, deployment, success_rate


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


def test_a_workload_s_pods_are_found_by_its_whole_selector() -> None:
    """Two applications may share a label; every requirement is in the query, in the API server's own notation."""
    target = deployment()
    target["spec"]["selector"] = {
        "matchLabels": {"app": "web", "instance": "a"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["x", "y"]},
            {"key": "old", "operator": "NotIn", "values": ["yes"]},
            {"key": "team", "operator": "Exists"},
            {"key": "legacy", "operator": "DoesNotExist"},
        ],
    }
    assert pod_query(target) == "app=web,instance=a,tier in (x,y),old notin (yes),team,!legacy"


COMPARED = {"analysis": {"stepWeights": [10, 50], "metrics": [success_rate(99)], "comparison": {}}}


@pytest.mark.parametrize(
    ("weight", "primary", "beside"), [(0, 100, 0), (1, 98, 1), (10, 80, 10), (50, 0, 50), (51, 49, 0), (100, 0, 0)]
)
def test_the_baseline_has_as_much_traffic_as_the_canary_and_none_in_a_promotion(
    weight: int, primary: int, beside: int
) -> None:
    """The primary has the rest; all of it together is all the traffic."""
    assert split(canary(COMPARED), Traffic(weight)) == {
        "shop-primary": primary,
        "shop-canary": weight,
        "shop-baseline": beside,
    }
    assert split(canary(), Traffic(weight)) == {"shop-primary": 100 - weight, "shop-canary": weight}


def test_everything_goes_when_the_canary_goes() -> None:
    """Each object is owned by its Canary."""
    owned = [
        primary_copy(DEPLOYMENT, canary(), deployment(), 1),
        *services(canary(), deployment()),
        GatewayApi().manifest(canary(), deployment(), Traffic(0)),
    ]
    for one in owned:
        assert one["metadata"]["ownerReferences"] == [owner_of(canary())]
