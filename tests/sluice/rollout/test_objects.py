"""The objects that a Canary brings forth."""

from __future__ import annotations

import copy

import pytest

from sluice.errors import InvalidError
from sluice.rollout.objects import (
    REVISION_ANNOTATION,
    http_route,
    owner_of,
    primary_deployment,
    selector_label,
    services,
)
from sluice.rollout.revision import revision_of
from tests.samples import canary, deployment


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
    route = http_route(canary(), 70, 30)
    (rule,) = route["spec"]["rules"]
    assert [(one["name"], one["weight"], one["port"]) for one in rule["backendRefs"]] == [
        ("shop-primary", 70, 80),
        ("shop-canary", 30, 80),
    ]
    assert route["spec"]["hostnames"] == ["shop.test"]
    (parent,) = route["spec"]["parentRefs"]
    assert (parent["name"], parent["namespace"], parent["kind"]) == ("lab", "edge", "Gateway")


def test_a_gateway_without_a_namespace_is_the_canary_s_neighbour() -> None:
    """As the Gateway API itself reads it."""
    refs = {"service": {"gatewayRefs": [{"name": "own", "sectionName": "https"}]}}
    (parent,) = http_route(canary(refs), 100, 0)["spec"]["parentRefs"]
    assert (parent["namespace"], parent["sectionName"]) == ("shop-test", "https")


def test_a_canary_without_a_gateway_is_refused_by_the_field() -> None:
    """A route that hangs on nothing would serve nobody."""
    with pytest.raises(InvalidError, match=r"spec\.service\.gatewayRefs"):
        http_route(canary({"service": {"gatewayRefs": []}}), 100, 0)


def test_everything_goes_when_the_canary_goes() -> None:
    """Each object is owned by its Canary."""
    owned = [
        primary_deployment(canary(), deployment(), 1),
        *services(canary(), deployment()),
        http_route(canary(), 1, 0),
    ]
    for one in owned:
        assert one["metadata"]["ownerReferences"] == [owner_of(canary())]
