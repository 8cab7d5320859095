"""The rules of an HTTPRoute."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.rollout.routes.gateway_api import GatewayApi, accepted, refusal
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
    [({"shop-primary": 1, "shop-canary": 1}, 50), ({"shop-primary": 200, "shop-canary": 50}, 20), ({"other": 1}, 0)],
    ids=["raw shares", "another scale", "nobody of ours"],
)
def test_weights_that_somebody_else_set_are_read_as_shares(weights: dict[str, int], share: int) -> None:
    """Of the rule with the largest one: some users meet so much of the canary."""
    backends = [{"name": name, "weight": weight} for name, weight in weights.items()]
    rules = [{"backendRefs": [{"name": "shop-primary"}]}, {"backendRefs": backends}, {}]
    assert ROUTE.weight(canary(), {"spec": {"rules": rules}}) == share


def conditioned(*parents: tuple[str, int]) -> dict[str, Any]:
    conditions = [
        [{"type": "Accepted", "status": status, "observedGeneration": at, "reason": "Why", "message": "not so"}]
        for status, at in parents
    ]
    return {"metadata": {"generation": 2}, "status": {"parents": [{"conditions": one} for one in conditions]}}


def test_a_route_is_accepted_when_every_parent_has_accepted_its_present_generation() -> None:
    """An older word says nothing of the new weights; one that refuses says why."""
    assert accepted(conditioned(("True", 2), ("True", 3)))
    for route in (None, conditioned(), conditioned(("True", 2), ("True", 1)), conditioned(("True", 2), ("False", 2))):
        assert not accepted(route)
    assert refusal(conditioned(("True", 2), ("False", 2))) == "Why: not so"
    assert refusal(conditioned(("True", 2))) == ""
