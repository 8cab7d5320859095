"""What counts of a route's status."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.rollout.routes.gateway_api_acknowledged import accepted, refusal, silent, unheard, unresolved

Object = dict[str, Any]
PUBLIC, INTERNAL = ({"name": name, "namespace": "edge"} for name in ("public", "internal"))


def said(status: str, at: int = 2, type_: str = "Accepted") -> Object:
    return {"type": type_, "status": status, "observedGeneration": at, "reason": "Why", "message": "not so"}


def undated(status: str, type_: str = "Accepted") -> Object:
    return {"type": type_, "status": status, "reason": "Why", "message": "not so"}


def spoken(parent: Object, *conditions: Object) -> Object:
    return {
        "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", **parent},
        "conditions": [*conditions],
    }


def route(*status: Object, parents: tuple[Object, ...] = (PUBLIC, INTERNAL)) -> Object:
    """A route of generation 2."""
    meta = {"name": "shop", "namespace": "shop-test", "generation": 2}
    return {"metadata": meta, "spec": {"parentRefs": [*parents]}, "status": {"parents": [*status]}}


def test_a_route_is_accepted_when_every_parent_has_accepted_its_present_generation() -> None:
    """An older word says nothing of the new weights; one that refuses says why."""
    assert accepted(route(spoken(PUBLIC, said("True")), spoken(INTERNAL, said("True", 3))))
    for one in (
        None,
        route(),
        route(spoken(PUBLIC, said("True")), spoken(INTERNAL, said("True", 1))),
        route(spoken(PUBLIC, said("True")), spoken(INTERNAL, said("False"))),
    ):
        assert not accepted(one)
    assert refusal(route(spoken(PUBLIC, said("True")), spoken(INTERNAL, said("False")))) == "Why: not so"
    assert refusal(route(spoken(PUBLIC, said("True")))) == ""
    assert silent(route(spoken(PUBLIC, said("True")), spoken(INTERNAL, said("True", 1)))) == "Gateway edge/internal"


@pytest.mark.parametrize(
    "stale",
    [
        spoken({"name": "gone", "namespace": "edge"}, said("True", 1)),
        spoken({"name": "gone", "namespace": "edge"}, said("False", 2)),
        spoken({**PUBLIC, "sectionName": "http"}, said("True", 1)),
        spoken({**PUBLIC, "port": 8080}, said("False", 2)),
        spoken({**PUBLIC, "kind": "Service", "group": ""}, said("True", 1)),
        spoken({**PUBLIC, "namespace": "shop-test"}, said("True", 1)),
        {"conditions": [said("True", 1)]},
    ],
    ids=[
        "left behind",
        "left behind and refused",
        "another listener",
        "another port",
        "a mesh",
        "elsewhere",
        "nameless",
    ],
)
def test_an_entry_of_a_parent_that_the_route_does_not_name_says_nothing(stale: Object) -> None:
    """Nobody clears it away: every shift would wait for it, and a rollback would never close."""
    now = route(spoken(PUBLIC, said("True")), stale, parents=(PUBLIC,))
    assert accepted(now)
    assert refusal(now) == ""


def test_a_controller_that_is_gone_does_not_keep_the_one_that_is_there_from_accepting() -> None:
    """After a change of the Gateway's class both have an entry for one parent; the old one's stays behind."""
    now = route(spoken(PUBLIC, said("False", 1)), spoken(PUBLIC, said("True")), parents=(PUBLIC,))
    assert accepted(now)
    assert refusal(now) == ""


def test_a_parent_is_known_by_what_it_is_read_as_where_the_route_leaves_it_out() -> None:
    """Group and kind of a Gateway, and the namespace of the route."""
    assert accepted(route(spoken({"name": "own", "namespace": "shop-test"}, said("True")), parents=({"name": "own"},)))


def test_backends_that_are_not_found_are_no_acknowledgement() -> None:
    """Accepted they may be, and answer their requests with errors; traffic that goes home does not wait for them."""
    lost = route(spoken(PUBLIC, said("True"), said("False", type_="ResolvedRefs")), parents=(PUBLIC,))
    assert not accepted(lost)
    assert accepted(lost, resolved=False)
    assert unresolved(lost) == "Why: not so"
    assert refusal(lost) == ""
    before = route(spoken(PUBLIC, said("True"), said("False", 1, "ResolvedRefs")), parents=(PUBLIC,))
    assert accepted(before)
    assert unresolved(before) == ""


YES, NO, NOT_YET = (True, True), (False, False), (False, True)
"""Whether it is accepted by dated words, and whether it is once words without a generation count too."""


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([spoken(PUBLIC, undated("True"))], NOT_YET),
        ([spoken(PUBLIC, {**undated("True"), "observedGeneration": 0})], NOT_YET),
        ([spoken(PUBLIC, undated("True"), undated("True", "ResolvedRefs"))], NOT_YET),
        ([spoken(PUBLIC, undated("True"), undated("False", "ResolvedRefs"))], NO),
        ([spoken(PUBLIC, undated("False"))], NO),
        ([spoken(PUBLIC, undated("Unknown"))], NO),
        ([spoken(PUBLIC)], NO),
        ([spoken(PUBLIC, said("True"))], YES),
        ([spoken(PUBLIC, said("True", 1))], NO),
        # Where one of a controller's conditions names a generation, it knows how: its other words wait for theirs.
        ([spoken(PUBLIC, undated("True"), said("True", 1, "ResolvedRefs"))], NO),
        # A controller that is gone, and the one that is there, whichever of the two names generations.
        ([spoken(PUBLIC, said("False", 1)), spoken(PUBLIC, undated("True"))], NOT_YET),
        ([spoken(PUBLIC, undated("False")), spoken(PUBLIC, said("True"))], YES),
        ([spoken(PUBLIC, undated("True")), spoken(PUBLIC, said("False"))], NO),
        ([spoken(PUBLIC, undated("True")), spoken(PUBLIC, undated("False"))], NO),
    ],
)
def test_a_controller_that_names_no_generation_is_believed_once_it_has_had_the_time_to_look(
    entries: list[Object], expected: tuple[bool, bool]
) -> None:
    """The Gateway API has controllers name it as a SHOULD; no release would ever go on behind one that does not."""
    now = route(*entries, parents=(PUBLIC,))
    assert (accepted(now), accepted(now, undated=True)) == expected


def test_each_parent_is_asked_in_its_own_way() -> None:
    """One names generations and one does not: both have to have accepted."""
    both = route(spoken(PUBLIC, said("True")), spoken(INTERNAL, undated("True")))
    assert (accepted(both), accepted(both, undated=True)) == NOT_YET
    stale = route(spoken(PUBLIC, said("True", 1)), spoken(INTERNAL, undated("True")))
    assert (accepted(stale), accepted(stale, undated=True)) == NO


def test_a_refusal_without_a_generation_is_read() -> None:
    """It says why, which is more than that nobody answers."""
    assert refusal(route(spoken(PUBLIC, undated("False")), parents=(PUBLIC,))) == "Why: not so"
    assert unresolved(route(spoken(PUBLIC, undated("False", "ResolvedRefs")), parents=(PUBLIC,))) == "Why: not so"
    assert silent(route(spoken(PUBLIC, undated("True")), parents=(PUBLIC,))) == ""


def test_who_has_not_spoken_is_named_with_its_controller() -> None:
    """Where none ever spoke, the Gateway is all that is known."""
    older = {**spoken(PUBLIC, said("True", 1)), "controllerName": "example.test/gateway"}
    assert silent(route(older, parents=(PUBLIC,))) == "Gateway edge/public (example.test/gateway)"
    assert unheard(route(older)) == "Gateway edge/internal"
    assert unheard(route(older, parents=(PUBLIC,))) == ""
    assert unheard({**route(parents=(PUBLIC,)), "status": {}}) == "Gateway edge/public"
