"""What the rules of every kind of route promise, tried on each row of the table."""

from __future__ import annotations

import copy

import pytest

from blocks.routers import ROUTERS
from sluice.errors import InvalidError
from sluice.rollout.routes import ROUTES
from sluice.rollout.routes.base import Route, check
from tests.samples import canary, success_rate

COMPARED = {"analysis": {"stepWeights": [10, 50], "metrics": [success_rate(99)], "comparison": {}}}
rows = pytest.mark.parametrize("route", ROUTES.values(), ids=[repr(one) for one in ROUTES])


def test_every_router_has_rules_and_every_rule_a_router() -> None:
    """A provider that is in one table only could be asked for, and would not shift."""
    assert set(ROUTES) == set(ROUTERS)


@rows
@pytest.mark.parametrize("weight", [0, 1, 30, 99, 100])
def test_the_weight_of_a_new_route_is_the_one_that_is_read(route: Route, weight: int) -> None:
    """Of a compared Canary too, whose baseline has a part of the traffic."""
    for it in (canary(), canary(COMPARED)):
        assert route.weight(it, route.manifest(it, weight)) == weight


@rows
def test_a_shift_changes_weights_and_nothing_else(route: Route) -> None:
    """The patch is whole, the route that was read is not changed, and a second one has nothing to do."""
    before = route.manifest(canary(), 0)
    kept = copy.deepcopy(before)
    patch = route.shifted(canary(), before, 40)
    assert patch is not None
    assert before == kept
    after = {**before, "spec": {**before["spec"], **patch["spec"]}}
    assert route.weight(canary(), after) == 40
    assert route.shifted(canary(), after, 40) is None
    assert after["metadata"] == before["metadata"]


@rows
def test_a_canary_that_it_can_do_is_not_refused(route: Route) -> None:
    """Compared or not."""
    for it in (canary(), canary(COMPARED)):
        assert list(route.cannot(it)) == []
        check(route, it)


@rows
def test_what_it_cannot_do_is_refused_by_the_field(route: Route) -> None:
    """With the Canary's name, before anything is made."""
    bare = canary({"service": {"gatewayRefs": []}})
    refused = list(route.cannot(bare))
    for one in refused:
        assert one.startswith("spec.")
    if refused:
        with pytest.raises(InvalidError, match=r"shop-test/shop: spec\."):
            route.manifest(bare, 0)
