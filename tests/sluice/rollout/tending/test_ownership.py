"""Whose an object is that has a name which a Canary needs."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.rollout.objects import MANAGED_BY, owner_of
from sluice.rollout.tending.ownership import Owner, owner
from tests.samples import canary, deployment, merged

OLDER = {**owner_of(canary()), "uid": "of-the-one-that-was-deleted"}


@pytest.mark.parametrize(
    ("metadata", "whose"),
    [
        pytest.param({"ownerReferences": [owner_of(canary())]}, Owner.OURS, id="made for it"),
        pytest.param({"labels": MANAGED_BY}, Owner.OURS, id="left behind without an owner"),
        pytest.param({"ownerReferences": [OLDER], "labels": MANAGED_BY}, Owner.LEAVING, id="of the one before"),
        pytest.param(
            {"ownerReferences": [owner_of(canary())], "deletionTimestamp": "2026-01-01T00:00:00Z"},
            Owner.LEAVING,
            id="being deleted",
        ),
        pytest.param({}, Owner.FOREIGN, id="of nobody"),
        pytest.param(
            {"ownerReferences": [{**OLDER, "name": "another"}], "labels": MANAGED_BY}, Owner.FOREIGN, id="of another"
        ),
    ],
)
def test_an_object_is_ours_on_its_way_out_or_somebody_else_s(metadata: dict[str, Any], whose: Owner) -> None:
    """The uid decides, and not the name: a Canary that is made again is another one."""
    assert owner(canary(), deployment(change={"metadata": metadata})) is whose


def test_nothing_of_the_sample_is_ours_by_chance() -> None:
    """What the cases above add makes the difference."""
    assert owner(canary(), merged(deployment(), {})) is Owner.FOREIGN
