"""Whose an object is that has a name which a Canary uses."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import InvalidError, TransientError
from sluice.rollout.objects import (
    BEFORE,
    GOVERNED_BY,
    MANAGED_BY,
    Ownership,
    before,
    check_claimable,
    check_made,
    is_made,
    owner_of,
    ownership,
    taken_over,
)
from tests.samples import NAMESPACE, canary

Object = dict[str, Any]
DELETED = {"deletionTimestamp": "2026-11-27T10:00:00Z"}
RELEASE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other", "uid": "7", "controller": True}


def item(name: str = "shop-primary", **meta: Any) -> Object:
    return {"kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE, **meta}, "spec": {}}


def of(**owner: Any) -> Object:
    return {"ownerReferences": [{**owner_of(canary()), **owner}]}


CASES: dict[str, tuple[Object, Ownership]] = {
    "ours": (of(), Ownership.OURS),
    "ours, on its way out": ({**of(), **DELETED}, Ownership.LEAVING),
    "an earlier Canary's": (of(uid="before"), Ownership.EARLIER),
    "an earlier Canary's of another version": (of(uid="before", apiVersion="flagger.app/v1"), Ownership.EARLIER),
    "another Canary's": (of(uid="other", name="cart"), Ownership.FOREIGN),
    "an operator's": ({"ownerReferences": [RELEASE]}, Ownership.FOREIGN),
    "somebody's who does not control it": ({"ownerReferences": [{**RELEASE, "controller": False}]}, Ownership.UNOWNED),
    "taken over by another Canary": ({"annotations": {GOVERNED_BY: "cart"}}, Ownership.FOREIGN),
    "taken over": ({"annotations": {GOVERNED_BY: "shop"}}, Ownership.UNOWNED),
    "nobody's": ({}, Ownership.UNOWNED),
}


@pytest.mark.parametrize(("meta", "whose"), CASES.values(), ids=CASES)
def test_whose_it_is_is_read_of_its_metadata(meta: Object, whose: Ownership) -> None:
    """By uid first: a Canary that was deleted and made again under its name is another one."""
    assert ownership(canary(), item(**meta)) is whose


def test_what_is_somebody_else_s_is_refused_by_name_with_its_owner_and_the_way_out() -> None:
    """Nothing is overwritten because it happens to have a name of ours."""
    with pytest.raises(
        InvalidError, match=r"Service shop-test/shop belongs to Deployment other: delete or rename it, or use"
    ):
        check_claimable(canary(), item("shop", ownerReferences=[RELEASE]))
    with pytest.raises(InvalidError, match=r"Service shop-test/shop belongs to Canary cart: .*spec\.service\.name"):
        check_claimable(canary(), item("shop", annotations={GOVERNED_BY: "cart"}))


@pytest.mark.parametrize(
    ("meta", "why"),
    [(of(uid="before"), "belongs to an earlier Canary shop"), ({**of(), **DELETED}, "is being deleted")],
)
def test_what_is_on_its_way_out_is_waited_for(meta: Object, why: str) -> None:
    """It serves nobody for long: ours is made when it is gone."""
    for check in (check_claimable, check_made):
        with pytest.raises(TransientError, match=f"Service shop-test/shop-primary {why}.*waiting until it is gone"):
            check(canary(), item(**meta))


def test_under_a_name_that_sluice_gives_only_what_sluice_made_is_its_own() -> None:
    """Also where a backup brought it back without its owner."""
    for meta in (of(), {"labels": dict(MANAGED_BY)}):
        check_made(canary(), item(**meta))
        assert is_made(canary(), item(**meta))
    with pytest.raises(InvalidError, match=r"Service shop-test/shop-primary exists and was not made by sluice"):
        check_made(canary(), item())


def test_what_it_was_is_remembered_once() -> None:
    """What is seen after a take-over is not what was there before it."""
    own = item("shop")
    notes = taken_over(canary(), own, {"selector": {"app": "shop"}})
    own["metadata"]["annotations"] = notes
    assert before(own) == {"selector": {"app": "shop"}}
    assert not is_made(canary(), own)
    assert taken_over(canary(), own, {"selector": {"app": "shop-primary"}}) == {}
    del own["metadata"]["annotations"][GOVERNED_BY]
    assert taken_over(canary(), own, {"selector": {"app": "shop-primary"}}) == {GOVERNED_BY: "shop"}
    for text in ("", "no json", "[]"):
        assert before(item("shop", annotations={BEFORE: text})) == {}
