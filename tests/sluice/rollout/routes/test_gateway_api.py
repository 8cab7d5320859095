"""The rules of an HTTPRoute."""

from __future__ import annotations

import pytest

from sluice.errors import InvalidError
from sluice.rollout.routes.gateway_api import GatewayApi
from sluice.rollout.strategies.base import Traffic
from tests.samples import canary, deployment, success_rate

ROUTE = GatewayApi()
COMPARED = {"analysis": {"stepWeights": [10, 50], "metrics": [success_rate(99)], "comparison": {}}}


def test_the_route_gives_both_sides_their_weights() -> None:
    """One rule, two backends, the hosts and the Gateway of the Canary."""
    route = ROUTE.manifest(canary(), deployment(), Traffic(30))
    (rule,) = route["spec"]["rules"]
    assert [(one["name"], one["weight"], one["port"]) for one in rule["backendRefs"]] == [
        ("shop-primary", 70, 80),
        ("shop-canary", 30, 80),
    ]
    assert route["spec"]["hostnames"] == ["shop.test"]
    (parent,) = route["spec"]["parentRefs"]
    assert (parent["name"], parent["namespace"], parent["kind"]) == ("lab", "edge", "Gateway")


def test_a_compared_canary_has_a_backend_for_its_baseline() -> None:
    """It begins without traffic."""
    (rule,) = ROUTE.manifest(canary(COMPARED), deployment(), Traffic(0))["spec"]["rules"]
    assert [(one["name"], one["weight"]) for one in rule["backendRefs"]][-1] == ("shop-baseline", 0)


def test_a_gateway_without_a_namespace_is_the_canary_s_neighbour() -> None:
    """As the Gateway API itself reads it."""
    refs = {"service": {"gatewayRefs": [{"name": "own", "sectionName": "https"}]}}
    (parent,) = ROUTE.manifest(canary(refs), deployment(), Traffic(0))["spec"]["parentRefs"]
    assert (parent["namespace"], parent["sectionName"]) == ("shop-test", "https")


def test_a_canary_without_a_gateway_is_refused_by_the_field() -> None:
    """A route that hangs on nothing would serve nobody."""
    with pytest.raises(InvalidError, match=r"spec\.service\.gatewayRefs"):
        ROUTE.manifest(canary({"service": {"gatewayRefs": []}}), deployment(), Traffic(0))


@pytest.mark.parametrize(
    ("weights", "share"),
    [
        ({"shop-primary": 1, "shop-canary": 1}, 50),
        ({"shop-primary": 200, "shop-canary": 50}, 20),
        ({"other": 1}, None),
        ({"shop-canary": 1}, None),
        ({"shop-primary": 90, "shop-canary": 10, "other": 100}, 10),
        ({"shop-primary": 0, "shop-canary": 0}, 0),
    ],
    ids=["raw shares", "another scale", "nobody of ours", "the canary alone", "a third backend", "nobody served"],
)
def test_weights_that_somebody_else_set_are_read_as_shares(weights: dict[str, int], share: int | None) -> None:
    """Of the rules that have both halves, and among the Canary's sides alone; without such a rule there is no weight."""
    backends = [{"name": name, "weight": weight} for name, weight in weights.items()]
    rules = [{"backendRefs": [{"name": "shop-primary"}]}, {"backendRefs": backends}, {}]
    assert ROUTE.weight(canary(), {"metadata": {}, "spec": {"rules": rules}}) == share
