"""Which Canaries without a run get one: those that were left at once, those never begun after their event had its time."""

from __future__ import annotations

import pytest

from tasks import find_orphans
from tests.samples import canary, deployment


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [1000.0]
    monkeypatch.setattr(find_orphans.time, "monotonic", lambda: at[0])
    monkeypatch.setattr(find_orphans, "_before", {})
    return at


def test_a_rollout_that_was_left_goes_on_at_once() -> None:
    """Users may be on a revision that nobody judges."""
    left = (canary(status={"phase": "Progressing"}), deployment())
    assert find_orphans._due([left]) == [left]


def test_what_was_never_begun_is_left_to_its_event_for_a_while(clock: list[float]) -> None:
    """In a burst its event waits for its turn: starting it here as well would only make the burst longer."""
    new = (canary(), deployment())
    assert find_orphans._due([new]) == []
    clock[0] += find_orphans.TIME_TO_BEGIN - 1
    assert find_orphans._due([new]) == []
    clock[0] += 1
    assert find_orphans._due([new]) == [new]


def test_a_newer_revision_has_its_own_time_and_what_was_begun_meanwhile_is_forgotten(clock: list[float]) -> None:
    """The time counts from when this very revision was first seen to wait."""
    find_orphans._due([(canary(), deployment())])
    clock[0] += find_orphans.TIME_TO_BEGIN
    assert find_orphans._due([(canary(), deployment("registry/shop:2"))]) == []
    assert find_orphans._due([]) == []
    assert find_orphans._before == {}
