"""What the rules of every kind of route promise, tried on each row of the table."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from blocks.routers import ROUTERS
from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.routes.base import Route, check
from sluice.rollout.safety.begun import salvaged
from sluice.rollout.strategies.base import HOME, Traffic
from tests.samples import canary, canary_manifest, deployment, merged, success_rate

COMPARED = {"analysis": {"stepWeights": [10, 50], "metrics": [success_rate(99)], "comparison": {}}}
BLUE_GREEN = {"analysis": {"stepWeights": [], "iterations": 3}}
ALL = tuple(Traffic(weight) for weight in (0, 1, 30, 99, 100))
CAN: dict[str, tuple[list[dict[str, Any]], tuple[Traffic, ...]]] = {"kubernetes": ([BLUE_GREEN], (HOME, Traffic(100)))}
"""What a provider can be asked for, where it is not everything."""
ROUTES: dict[str, Route] = {provider: row.rules for provider, row in ROUTERS.items()}  # type: ignore[attr-defined]
"""Every router of sluice's own has its rules as `rules`."""
rows = pytest.mark.parametrize("provider", ROUTES)


def canaries(provider: str) -> list[Canary]:
    """Canaries that a provider can release."""
    specs, _ = CAN.get(provider, ([{}, COMPARED], ALL))
    return [canary(merged({"provider": provider}, spec)) for spec in specs]


def traffics(provider: str) -> tuple[Traffic, ...]:
    return CAN.get(provider, ([], ALL))[1]


@rows
def test_the_weight_of_a_new_route_is_the_one_that_is_read(provider: str) -> None:
    """Of a compared Canary too, whose baseline has a part of the traffic."""
    route = ROUTES[provider]
    for it in canaries(provider):
        for traffic in traffics(provider):
            assert route.weight(it, route.manifest(it, deployment(), traffic)) == traffic.canary


@rows
@pytest.mark.parametrize("comparison", [None, {}], ids=["plain", "compared"])
def test_what_is_left_of_an_invalid_canary_still_has_its_route(provider: str, comparison: Any) -> None:
    """Its traffic goes home by it: it asks for no steps, so none of them is refused."""
    document = canary_manifest({"provider": provider, "analysis": {"stepWeights": [70, 30], "comparison": comparison}})
    left = salvaged({**document, "status": {"phase": "Progressing"}})
    assert list(ROUTES[provider].cannot(left)) == []


@rows
def test_a_shift_changes_who_gets_what_and_nothing_else(provider: str) -> None:
    """The patch is whole, the route that was read is not changed, and a second one has nothing to do."""
    route, it = ROUTES[provider], canaries(provider)[0]
    before = route.manifest(it, deployment(), HOME)
    kept = copy.deepcopy(before)
    for traffic in traffics(provider)[1:]:
        patch = route.shifted(it, before, traffic)
        assert patch is not None
        assert before == kept
        after = merged(before, patch)
        assert route.weight(it, after) == traffic.canary
        assert route.shifted(it, after, traffic) is None
        assert after["metadata"] == before["metadata"]


@rows
def test_a_canary_that_it_can_do_is_not_refused(provider: str) -> None:
    """Compared or not."""
    for it in canaries(provider):
        assert list(ROUTES[provider].cannot(it)) == []
        check(ROUTES[provider], it)


@rows
def test_what_it_cannot_do_is_refused_by_the_field(provider: str) -> None:
    """With the Canary's name, before anything is made."""
    bare = canary({"provider": provider, "service": {"gatewayRefs": []}})
    refused = list(ROUTES[provider].cannot(bare))
    assert refused
    for one in refused:
        assert one.startswith("spec.")
    with pytest.raises(InvalidError, match=r"shop-test/shop: spec\."):
        ROUTES[provider].manifest(bare, deployment(), HOME)


def test_the_apex_service_of_a_target_whose_label_ends_like_the_primary_s_is_not_mistaken() -> None:
    """Which side has the users is read by the target's own label, not by how a value ends."""
    route, it = ROUTES["kubernetes"], canaries("kubernetes")[0]
    target = deployment()
    target["spec"]["selector"]["matchLabels"] = {"app": "shop-primary"}
    for traffic, pods in ((Traffic(100), "shop-primary"), (HOME, "shop-primary-primary")):
        service = route.manifest(it, target, traffic)
        assert service["spec"]["selector"] == {"app": pods}
        assert route.weight(it, service) == traffic.canary


def test_a_service_that_was_not_made_to_be_a_route_is_none() -> None:
    """An application's own Service of that name is nobody's switch."""
    route, it = ROUTES["kubernetes"], canaries("kubernetes")[0]
    own = route.manifest(it, deployment(), HOME)
    del own["metadata"]["annotations"]
    assert route.weight(it, own) is None
    assert route.shifted(it, own, Traffic(100)) is None
