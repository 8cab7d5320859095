"""Which rules of an HTTPRoute are the Canary's, and what is done to an application's own route."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flux.kustomization import RECONCILE_ANNOTATION
from sluice.rollout.objects import BEFORE, GOVERNED_BY, SPARED
from sluice.rollout.routes.gateway_api import GatewayApi, next_step, without_halves
from sluice.rollout.strategies.base import HOME, PROMOTION, Traffic
from tests.samples import NAMESPACE, canary, deployment, merged, success_rate

Object = dict[str, Any]
ROUTE = GatewayApi()
COMPARED = {"analysis": {"stepWeights": [10, 50], "metrics": [success_rate(99)], "comparison": {}}}
HEADER = {
    "matches": [{"headers": [{"name": "x-canary", "value": "always"}]}],
    "backendRefs": [{"group": "", "kind": "Service", "name": "shop-canary", "port": 80, "weight": 1}],
}


def to(*backends: tuple[str, int], **rule: Any) -> Object:
    return {"backendRefs": [{"name": name, "port": 80, "weight": weight} for name, weight in backends], **rule}


def own(*rules: Object, **spec: Any) -> Object:
    """An application's own route."""
    known = {"parentRefs": [{"name": "lab", "namespace": "edge"}], "hostnames": ["shop.test"], "rules": [*rules]}
    meta = {"name": "shop", "namespace": NAMESPACE, "uid": "7", "labels": {"team": "x"}}
    return {"kind": "HTTPRoute", "metadata": meta, "spec": {**known, **spec}}


def ensured(it: Canary, route: Object) -> Object:
    """The route after it was ensured; a second time there is nothing to do."""
    after = merged(route, ROUTE.ensured(it, deployment(), route) or {})
    assert ROUTE.ensured(it, deployment(), after) is None
    return after


def weights(rule: Object) -> dict[str, int]:
    return {one["name"]: one["weight"] for one in rule["backendRefs"]}


def test_the_rules_that_lead_to_the_application_are_divided_and_all_else_stays() -> None:
    """By its apex Service or its primary; matches, filters and timeouts are the user's."""
    filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x", "value": "y"}]}}]
    api = to(
        ("shop", 1), matches=[{"path": {"type": "Exact", "value": "/api"}}], filters=filters, timeouts={"request": "3s"}
    )
    primary = to(("shop-primary", 1), matches=[{"path": {"type": "PathPrefix", "value": "/"}}])
    docs = to(("docs", 1))
    after = ensured(canary(), own(HEADER, api, primary, docs))
    header, first, second, last = after["spec"]["rules"]
    assert (header, last) == (HEADER, docs)
    for before, now in ((api, first), (primary, second)):
        assert weights(now) == {"shop-primary": 100, "shop-canary": 0}
        assert {k: v for k, v in now.items() if k != "backendRefs"} == {
            k: v for k, v in before.items() if k != "backendRefs"
        }
    assert after["metadata"]["labels"] == {"team": "x"}
    assert "ownerReferences" not in after["metadata"]
    assert set(after["metadata"]["annotations"]) == {GOVERNED_BY, BEFORE, *SPARED}
    assert merged(after, without_halves(canary(), after) or {})["spec"] == own(HEADER, api, primary, docs)["spec"]


def test_a_route_s_own_words_to_flux_come_back_with_it() -> None:
    """They were its owner's: `enabled` is no `disabled`, and none is none."""
    before = merged(own(to(("shop", 1))), {"metadata": {"annotations": {RECONCILE_ANNOTATION: "enabled", "a": "b"}}})
    after = ensured(canary(), before)
    assert {name: after["metadata"]["annotations"][name] for name in SPARED} == SPARED
    restored = merged(after, without_halves(canary(), after) or {})
    assert restored["metadata"]["annotations"] == {RECONCILE_ANNOTATION: "enabled", "a": "b"}
    assert restored["spec"] == before["spec"]


def test_the_users_of_another_port_stay_there() -> None:
    """An application may have several, and the Canary has one of them."""
    admin = {"backendRefs": [{"name": "shop", "port": 8443, "weight": 1}]}
    after = ensured(canary(), own(admin, to(("shop", 1))))
    assert after["spec"]["rules"][0] == admin
    assert weights(after["spec"]["rules"][1]) == {"shop-primary": 100, "shop-canary": 0}


def test_a_rule_of_the_user_s_own_counts_for_nothing_and_is_not_shifted() -> None:
    """A header that leads to the canary alone was read as 100 %, and answered with errors after a shift to 0."""
    after = ensured(canary(), own(HEADER, to(("shop", 1))))
    for weight in (30, 100, 0):
        patch = ROUTE.shifted(canary(), after, Traffic(weight))
        after = merged(after, patch or {})
        assert after["spec"]["rules"][0] == HEADER
        assert ROUTE.weight(canary(), after) == weight


def test_another_backend_of_a_rule_keeps_its_share() -> None:
    """Beside both halves it is neither counted nor changed."""
    after = ensured(canary(), own(to(("shop", 3), ("legacy", 1), ("off", 0))))
    (rule,) = after["spec"]["rules"]
    assert weights(rule) == {"shop-primary": 100, "shop-canary": 0, "legacy": 33, "off": 0}
    for weight in (10, 50, 100):
        after = merged(after, ROUTE.shifted(canary(), after, Traffic(weight)) or {})
        assert weights(after["spec"]["rules"][0]) == {
            "shop-primary": 100 - weight,
            "shop-canary": weight,
            "legacy": 33,
            "off": 0,
        }
        assert ROUTE.weight(canary(), after) == weight


def test_a_backend_of_that_name_elsewhere_is_another_s() -> None:
    """In another namespace, or of another kind."""
    rule = to(("shop", 1))
    for more in ({"namespace": "other"}, {"kind": "ServiceImport", "group": "multicluster.x-k8s.io"}):
        rule["backendRefs"] = [{"name": "shop", "port": 80, **more}]
        with pytest.raises(InvalidError, match="leads to Service shop"):
            ROUTE.ensured(canary(), deployment(), own(rule))


def test_a_route_that_leads_nowhere_to_the_application_is_refused_with_the_way_out() -> None:
    """A rule more would be shadowed by those that are there, or take their users."""
    with pytest.raises(
        InvalidError, match=r"no rule of HTTPRoute shop-test/shop leads to Service shop: add it to .*backendRefs"
    ):
        ROUTE.ensured(canary(), deployment(), own(to(("docs", 1)), HEADER))


def test_a_route_without_rules_gets_the_default_one() -> None:
    """As the API server writes an empty one, it has a rule without backends."""
    for rules in ([], [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}]):
        (rule,) = ensured(canary(), own(*rules))["spec"]["rules"]
        assert weights(rule) == {"shop-primary": 100, "shop-canary": 0}


def test_parents_hosts_and_ports_follow_the_manifest() -> None:
    """Also where a rule is the user's own: the port that it names goes."""
    route = ensured(canary(), own(HEADER, to(("shop", 1))))
    refs = [{"name": "new", "namespace": "edge"}, {"name": "own", "sectionName": "https"}]
    edited = canary({"service": {"port": 8080, "hosts": ["a.test", "b.test"], "gatewayRefs": refs}})
    after = ensured(edited, merged(route, ROUTE.shifted(canary(), route, Traffic(30)) or {}))
    assert after["spec"]["hostnames"] == ["a.test", "b.test"]
    assert [(one["name"], one["namespace"]) for one in after["spec"]["parentRefs"]] == [
        ("new", "edge"),
        ("own", NAMESPACE),
    ]
    assert {one["port"] for rule in after["spec"]["rules"] for one in rule["backendRefs"]} == {8080}
    assert ROUTE.weight(edited, after) == 30


def test_what_the_api_server_fills_in_is_no_difference() -> None:
    """Groups, kinds and weights of one; hosts in another order."""
    it = canary({"service": {"hosts": ["a.test", "b.test"]}})
    route = ROUTE.manifest(it, deployment(), HOME)
    route["metadata"] |= {"annotations": {"added": "by a controller"}, "uid": "7"}
    route["spec"]["hostnames"] = ["b.test", "a.test"]
    route["spec"]["parentRefs"] = [{"name": "lab", "namespace": "edge"}]
    assert ROUTE.ensured(it, deployment(), route) is None


def test_an_application_s_own_route_keeps_its_hosts_where_the_canary_names_none() -> None:
    """Without any it would answer for every host of the Gateway; sluice's own follows the manifest."""
    named = canary()
    nameless = canary({"service": {"hosts": []}})
    mine = own(to(("shop", 1)), hostnames=["mine.test"])
    assert ensured(nameless, mine)["spec"]["hostnames"] == ["mine.test"]
    assert ensured(nameless, ensured(named, mine))["spec"]["hostnames"] == ["mine.test"]
    made = merged(ROUTE.manifest(named, deployment(), HOME), {"metadata": {"uid": "7"}})
    assert "hostnames" not in ensured(nameless, made)["spec"]


def test_a_route_of_sluice_s_that_was_emptied_is_filled_again_for_whom_it_is() -> None:
    """Everybody at home, or on the canary where the primary is being replaced; also where all weights are zero."""
    for status, traffic in (
        ({"phase": "Promoting", "canaryWeight": 100}, PROMOTION),
        ({"phase": "Progressing", "canaryWeight": 30}, HOME),
        ({"phase": "Succeeded"}, HOME),
    ):
        it = canary(status=status)
        route = ROUTE.manifest(it, deployment(), HOME)
        nobody = {"spec": {"rules": [to(("shop-primary", 0), ("shop-canary", 0))]}}
        for change in ({"spec": {"rules": None}}, nobody, {"spec": {"rules": [to(("shop", 1))]}}):
            assert ROUTE.weight(it, ensured(it, merged(route, change))) == traffic.canary


def test_a_comparison_that_is_switched_on_finds_its_place_and_moves_nobody() -> None:
    """The next shift gives the baseline its part."""
    before = merged(ROUTE.manifest(canary(), deployment(), Traffic(10)), {"metadata": {"uid": "7"}})
    it = canary(COMPARED, {"phase": "Progressing"})
    after = ensured(it, before)
    assert ROUTE.weight(it, after) == 10
    assert weights(after["spec"]["rules"][0]) == {"shop-primary": 90, "shop-canary": 10, "shop-baseline": 0}


def test_sluice_s_own_route_leads_to_the_apex_service_when_another_router_divides() -> None:
    """Nobody who comes by it is lost, and it divides nobody; what the user put there stays."""
    route = ROUTE.manifest(canary(), deployment(), HOME)
    route["spec"]["rules"].append(HEADER)
    after = merged(route, without_halves(canary(), route) or {})
    assert weights(after["spec"]["rules"][0]) == {"shop": 100}
    assert after["spec"]["rules"][1] == HEADER
    assert ROUTE.weight(canary(), after) is None
    assert without_halves(canary(), after) is None
    assert without_halves(canary(), own(to(("shop", 1)))) is None
    assert ROUTE.weight(canary(), ensured(canary(), after)) == 0


@pytest.mark.parametrize("share", [0, 40])
def test_a_backend_is_known_before_it_has_users_and_after_it_had_some(share: int) -> None:
    """A take-over and a change of ports go there in steps; broken off between two of them, they go on from there."""
    route = merged(own(HEADER, to(("shop", 1), ("legacy", 1))), {"metadata": {"annotations": {}}})
    for it in (canary(), canary({"service": {"port": 8080}}), canary({"service": {"port": 80}})):
        steps = [route]
        patch = ROUTE.ensured(it, deployment(), route)
        while patch:
            route = merged(route, next_step(route, patch))
            steps.append(route)
            patch = ROUTE.ensured(it, deployment(), route)
        assert len(steps) == 4
        for before, after in pairwise(steps):
            was, now = (
                {place(one): one["weight"] for one in step["spec"]["rules"][1]["backendRefs"]}
                for step in (before, after)
            )
            assert all(key in was for key, weight in now.items() if weight)
            assert all(not weight for key, weight in was.items() if key not in now)
        assert {one["port"] for one in route["spec"]["rules"][1]["backendRefs"] if one["name"] != "legacy"} == {
            it.spec.service.port
        }
        assert weights(route["spec"]["rules"][1])["legacy"] == 100
        patch = ROUTE.shifted(it, route, Traffic(share))
        route = merged(route, patch or {})
        assert ROUTE.weight(it, route) == share


def test_a_shift_between_two_steps_moves_users_on_the_port_that_has_them() -> None:
    """A rollback does not wait for an edit."""
    it = canary({"service": {"port": 8080}}, {"phase": "Progressing"})
    route = merged(ROUTE.manifest(canary(), deployment(), Traffic(40)), {"metadata": {"uid": "7"}})
    half = merged(route, next_step(route, ROUTE.ensured(it, deployment(), route) or {}))
    home = merged(half, ROUTE.shifted(it, half, HOME) or {})
    assert ROUTE.weight(it, home) == 0
    assert {place(one): one["weight"] for one in home["spec"]["rules"][0]["backendRefs"]} == {
        ("shop-primary", 80): 100,
        ("shop-canary", 80): 0,
        ("shop-primary", 8080): 0,
        ("shop-canary", 8080): 0,
    }


def place(backend: Object) -> tuple[str, int]:
    return (backend["name"], backend["port"])
