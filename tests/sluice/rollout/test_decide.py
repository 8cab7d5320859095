"""What a rollout does next, branch by branch; the rows are in `deciding`."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.rollout.decide import decide
from sluice.rollout.decision import Action, Decision
from tests.samples import canary
from tests.sluice.rollout.deciding.before_users import AT_REST, BEFORE_TRAFFIC
from tests.sluice.rollout.deciding.ends import AT_THE_END, CUT_SHORT, SUSPENDED
from tests.sluice.rollout.deciding.under_way import UNDER_WAY, WITHOUT_USERS
from tests.sluice.rollout.deciding.words import NEWER, seen, stepping


@pytest.mark.parametrize(
    ("status_", "spec", "facts", "expected"),
    [*AT_REST, *BEFORE_TRAFFIC, *UNDER_WAY, *WITHOUT_USERS, *AT_THE_END, *CUT_SHORT, *SUSPENDED],
)
def test_what_comes_next(
    status_: dict[str, Any] | None, spec: dict[str, Any], facts: dict[str, Any], expected: Decision
) -> None:
    """Each state of the journal and each observation have one next act."""
    assert decide(canary(spec, status_), seen(**facts)) == expected


@pytest.mark.parametrize("paused", [False, True], ids=["running", "paused"])
def test_a_suspended_canary_never_keeps_traffic_of_a_revision_that_nobody_carries(paused: bool) -> None:
    """A newer revision came, its older run is gone, and the Canary is suspended: its traffic still goes home."""
    decision = decide(
        canary({"suspend": True}, stepping(1, 30)), seen(revision=NEWER, carries=NEWER, weight=30, paused=paused)
    )
    assert decision.action is not Action.END
