"""The objects that a Canary brings forth."""

from __future__ import annotations

import pytest

from sluice.errors import InvalidError
from sluice.rollout.objects import http_route, owner_of, pod_query, selector_label, services
from sluice.rollout.split import split
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


def test_users_and_the_primary_s_service_reach_the_primary_and_only_the_canary_s_reaches_the_target() -> None:
    """The apex Service never selects the canary's pods."""
    chosen = {one["metadata"]["name"]: one["spec"]["selector"] for one in services(canary(), deployment())}
    assert chosen == {
        "shop": {"app": "shop-primary"},
        "shop-primary": {"app": "shop-primary"},
        "shop-canary": {"app": "shop"},
    }


def test_the_services_ports_are_the_canary_s() -> None:
    """Port, its name, the container's port (the same where none is given) and the protocol of the application."""
    spec = {"service": {"port": 8080, "portName": "grpc", "targetPort": None, "appProtocol": "kubernetes.io/h2c"}}
    for one in services(canary(spec), deployment()):
        (port,) = one["spec"]["ports"]
        assert (port["port"], port["targetPort"], port["name"], port["appProtocol"]) == (
            8080,
            8080,
            "grpc",
            "kubernetes.io/h2c",
        )


def test_the_route_gives_both_halves_their_weights() -> None:
    """One rule, two backends, the hosts and the Gateway of the Canary."""
    route = http_route(canary(), 30)
    (rule,) = route["spec"]["rules"]
    assert [(one["name"], one["weight"], one["port"]) for one in rule["backendRefs"]] == [
        ("shop-primary", 70, 80),
        ("shop-canary", 30, 80),
    ]
    assert route["spec"]["hostnames"] == ["shop.test"]
    (parent,) = route["spec"]["parentRefs"]
    assert (parent["name"], parent["namespace"], parent["kind"]) == ("lab", "edge", "Gateway")


COMPARED = {"analysis": {"stepWeights": [10, 50], "metrics": [success_rate(99)], "comparison": {}}}


def test_a_compared_canary_has_a_service_and_a_backend_for_its_baseline() -> None:
    """The baseline's Service selects its own pods only, and it begins without traffic."""
    it = canary(COMPARED)
    chosen = {one["metadata"]["name"]: one["spec"]["selector"] for one in services(it, deployment())}
    assert chosen["shop-baseline"] == {"app": "shop-baseline"}
    (rule,) = http_route(it, 0)["spec"]["rules"]
    assert [(one["name"], one["weight"]) for one in rule["backendRefs"]][-1] == ("shop-baseline", 0)


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


def test_a_gateway_without_a_namespace_is_the_canary_s_neighbour() -> None:
    """As the Gateway API itself reads it."""
    refs = {"service": {"gatewayRefs": [{"name": "own", "sectionName": "https"}]}}
    (parent,) = http_route(canary(refs), 0)["spec"]["parentRefs"]
    assert (parent["namespace"], parent["sectionName"]) == ("shop-test", "https")


def test_a_canary_without_a_gateway_is_refused_by_the_field() -> None:
    """A route that hangs on nothing would serve nobody."""
    with pytest.raises(InvalidError, match=r"spec\.service\.gatewayRefs"):
        http_route(canary({"service": {"gatewayRefs": []}}), 0)


def test_everything_goes_when_the_canary_goes() -> None:
    """Each object is owned by its Canary."""
    owned = [
        primary_copy(DEPLOYMENT, canary(), deployment(), 1),
        *services(canary(), deployment()),
        http_route(canary(), 0),
    ]
    for one in owned:
        assert one["metadata"]["ownerReferences"] == [owner_of(canary())]
