"""The Services behind a route, brought to the manifest: nobody who is served loses his port."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flux.kustomization import PRUNE_ANNOTATION, RECONCILE_ANNOTATION
from sluice.rollout.objects import BEFORE, GOVERNED_BY, SPARED, TARGET_PODS, owner_of
from sluice.rollout.routes.backends import MOVING, narrowed, passing, put_back, widened
from sluice.rollout.services import services
from tests.samples import NAMESPACE, canary, deployment, merged

Object = dict[str, Any]


def made(it: Canary, name: str = "shop-primary") -> Object:
    """A Service as sluice makes it."""
    return next(one for one in services(it, deployment()) if one["metadata"]["name"] == name)


def at(port: int, name: str = "http", **service: Any) -> Canary:
    return canary({"service": {"port": port, "portName": name, **service}})


def ports(service: Object) -> dict[int, str]:
    return {one["port"]: one["name"] for one in service["spec"]["ports"]}


def own(**spec: Any) -> Object:
    """An application's own Service, with an address of its own and a port that no Canary knows of."""
    port = {"name": "web", "port": 80, "targetPort": 8080, "nodePort": 30429, "protocol": "TCP"}
    tls = {"name": "https", "port": 443, "targetPort": 8443, "nodePort": 32474, "protocol": "TCP"}
    meta = {"name": "shop", "namespace": NAMESPACE, "uid": "7", "annotations": {"cloud/address": "kept"}}
    kept = {"type": "LoadBalancer", "clusterIP": "10.0.0.7", "externalTrafficPolicy": "Local"}
    selector = {"app": "shop", "tier": "web"}
    return {"kind": "Service", "metadata": meta, "spec": {**kept, "selector": selector, "ports": [port, tls], **spec}}


def test_where_nothing_differs_nothing_is_written() -> None:
    """Also after the API server has filled in its defaults, and where others have added labels and annotations."""
    it = canary()
    for wanted in services(it, deployment()):
        stored = merged(wanted, {"metadata": {"labels": {"team": "x"}}, "spec": {"clusterIP": "10.0.0.9"}})
        stored["spec"]["ports"][0]["nodePort"] = 30001
        assert widened(it, stored, wanted, passing(it, [stored])) is None
        assert narrowed(it, stored, wanted) is None


def test_what_somebody_changed_of_it_is_put_right() -> None:
    """Selector, labels and owner; nothing else."""
    it = canary()
    wanted = made(it)
    broken = merged(wanted, {"spec": {"selector": {"app": "elsewhere", "more": "x"}}})
    broken["metadata"]["labels"].pop("app")
    patch = widened(it, broken, wanted, 80)
    assert patch is not None
    assert set(patch["spec"]) == {"selector"}
    after = merged(broken, patch)
    assert (after["spec"], after["metadata"]) == (wanted["spec"], wanted["metadata"])
    orphan = merged(wanted, {"metadata": {"ownerReferences": None}})
    assert widened(it, orphan, wanted, 80) == {"metadata": {"ownerReferences": [owner_of(it)]}}


@given(
    st.lists(
        st.tuples(st.integers(80, 83), st.sampled_from(["http", "grpc", "web"]), st.sampled_from([9898, 8080, "app"])),
        min_size=2,
        max_size=5,
    ),
    st.integers(0, 3),
)
def test_a_port_that_the_route_points_at_is_neither_removed_nor_renamed(
    edits: list[tuple[int, str, int | str]], late: int
) -> None:
    """Whatever the manifest is edited to and wherever it is broken off; in the end there is the wanted port alone."""
    it = at(edits[0][0], edits[0][1], targetPort=edits[0][2])
    sides = {name: made(it, name) for name in ("shop-primary", "shop-canary")}
    route = it.spec.service.port

    def write(make: Any, *more: Any) -> None:
        for name, now in sides.items():
            patch = make(it, now, made(it, name), *more)
            after = merged(now, patch) if patch else now
            names = list(ports(after).values())
            assert len(set(names)) == len(names) == len(after["spec"]["ports"]), "the API server refuses it"
            assert ports(after)[route] == ports(now)[route], "users are there"
            sides[name] = after

    for index, (number, name, target) in enumerate(edits[1:]):
        it = at(number, name, targetPort=target)
        port = passing(it, sides.values())
        write(widened, port)
        if index == late:
            continue  # broken off before the route was moved
        route = port
        write(narrowed, {port})
        route = it.spec.service.port
    port = passing(it, sides.values())
    write(widened, port)
    route = port
    write(narrowed, {port})
    route = it.spec.service.port
    write(narrowed)
    for name, now in sides.items():
        assert now["spec"]["ports"] == made(it, name)["spec"]["ports"]


def test_a_new_number_under_another_name_is_added_next_to_the_old_one() -> None:
    """The route moves once."""
    it = at(8080, "grpc")
    before = made(at(80))
    assert passing(it, [before]) == 8080
    after = merged(before, widened(it, before, made(it), 8080) or {})
    assert ports(after) == {80: "http", 8080: "grpc"}
    assert ports(merged(after, narrowed(it, after, made(it)) or {})) == {8080: "grpc"}


def test_a_new_number_under_the_old_name_goes_by_way_of_a_port_of_ours() -> None:
    """And so does a new name of the old number: neither can be there twice."""
    for before, it in ((made(at(80)), at(8080)), (made(at(80)), at(80, "grpc"))):
        port = passing(it, [before])
        assert port not in {80, 8080}
        after = merged(before, widened(it, before, made(it), port) or {})
        assert ports(after) == {80: "http", port: MOVING}
        assert passing(it, [after]) == port
        wanted = it.spec.service
        after = merged(after, narrowed(it, after, made(it), {port}) or {})
        assert ports(after) == {wanted.port: wanted.port_name, port: MOVING}


def test_a_side_s_service_that_was_made_again_offers_the_way_by_which_the_others_go() -> None:
    """A route has one port for all."""
    it = at(8080)
    port = passing(it, [made(at(80)), made(it, "shop-canary")])
    assert port != 8080
    fresh = merged(made(it, "shop-canary"), widened(it, made(it, "shop-canary"), made(it, "shop-canary"), port) or {})
    assert ports(fresh) == {8080: "http", port: MOVING}


def test_of_an_application_s_own_service_only_selector_and_port_are_changed() -> None:
    """Its address, its other ports, its policies and its annotations are its own; deleting the Canary does not delete it."""
    it, before = canary(), own()
    after = merged(before, widened(it, before, made(it, "shop"), 80) or {})
    assert after["spec"]["selector"] == {"app": "shop-primary"}
    assert after["spec"]["ports"] == [
        {"name": "web", "port": 80, "targetPort": 9898, "nodePort": 30429, "protocol": "TCP"},
        before["spec"]["ports"][1],
    ]
    changed = {"selector", "ports"}
    assert {k: v for k, v in after["spec"].items() if k not in changed} == {
        k: v for k, v in before["spec"].items() if k not in changed
    }
    assert set(after["metadata"]["annotations"]) == {"cloud/address", GOVERNED_BY, BEFORE, *SPARED}
    assert "ownerReferences" not in after["metadata"]
    assert "labels" not in after["metadata"]
    for make in (widened(it, after, made(it, "shop"), 80), narrowed(it, after, made(it, "shop"))):
        assert make is None


def test_no_port_of_an_application_s_own_service_is_taken_away() -> None:
    """A number that it lacks is added, under a free name."""
    it = at(8080, "https")
    after = merged(own(), narrowed(it, own(), made(it, "shop")) or {})
    assert ports(after) == {80: "web", 443: "https", 8080: "https-8080"}


def test_what_was_taken_over_is_put_back() -> None:
    """To what it was, with what its owner has added since."""
    it, before = canary(), own()
    after = merged(before, widened(it, before, made(it, "shop"), 80) or {})
    assert merged(after, put_back(it, after) or {}) == before
    added = {"name": "new", "port": 9000, "targetPort": 9000}
    after["spec"]["ports"].append(added)
    assert merged(after, put_back(it, after) or {})["spec"]["ports"] == [*before["spec"]["ports"], added]
    assert put_back(it, before) is None
    assert put_back(it, made(it, "shop")) is None


@pytest.mark.parametrize(
    "own_words",
    [{RECONCILE_ANNOTATION: "enabled"}, {PRUNE_ANNOTATION: "disabled"}, dict.fromkeys(SPARED, "disabled")],
    ids=["asks for it", "keeps it from being pruned", "leaves it alone already"],
)
def test_flux_leaves_alone_what_is_governed_and_does_what_its_owner_asked_for_afterwards(own_words: Object) -> None:
    """It neither applies nor prunes it meanwhile: a selector of git's would send users to pods that are scaled to 0."""
    it, before = canary(), merged(own(), {"metadata": {"annotations": own_words}})
    after = merged(before, widened(it, before, made(it, "shop"), 80) or {})
    words = after["metadata"]["annotations"]
    assert (words[RECONCILE_ANNOTATION], words[PRUNE_ANNOTATION]) == ("disabled", "disabled")
    assert narrowed(it, after, made(it, "shop")) is None
    assert merged(after, put_back(it, after) or {}) == before


def test_what_sluice_made_is_not_marked_for_flux() -> None:
    """It is in nobody's git."""
    it = canary()
    after = merged(made(it, "shop"), widened(it, made(it, "shop"), made(it, "shop"), 80) or {})
    assert not set(SPARED) & set(after["metadata"].get("annotations") or {})


def test_where_nobody_remembers_what_it_was_it_leads_to_the_target_again() -> None:
    """As with Flagger: better than pods that go with the Canary."""
    it, before = canary(), own(selector={"app": "shop"})
    after = merged(before, widened(it, before, made(it, "shop"), 80) or {})
    after["metadata"]["annotations"][BEFORE] = json.dumps({})
    assert merged(after, put_back(it, after) or {})["spec"]["selector"] == {"app": "shop"}


def test_a_switch_of_another_router_is_left_where_it_is_until_the_release_is_over() -> None:
    """The provider may be changed in the middle of a promotion, with all users on the canary."""
    switched = merged(made(canary(), "shop"), {"spec": {"selector": {"app": "shop"}}})
    switched["metadata"]["annotations"] = {TARGET_PODS: "app=shop"}
    under_way, at_rest = (canary(status={"phase": phase}) for phase in ("Promoting", "Succeeded"))
    assert widened(under_way, switched, made(under_way, "shop"), 80) is None
    patch = widened(at_rest, switched, made(at_rest, "shop"), 80)
    assert patch == {"spec": {"selector": {"app": "shop-primary"}}}
