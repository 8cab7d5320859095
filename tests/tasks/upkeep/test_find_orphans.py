"""Which Canaries without a run get one: those that were left at once, those never begun after their event had its time."""

from __future__ import annotations

from tasks.upkeep.find_orphans import TIME_TO_BEGIN, Wanting, _due
from tests.samples import canary, deployment

CHANGED = 1000.0


def test_a_rollout_that_was_left_goes_on_at_once() -> None:
    """Users may be on a revision that nobody judges."""
    left = Wanting(canary(status={"phase": "Progressing"}), deployment(), CHANGED)
    assert _due([left], CHANGED) == [left]


def test_what_was_never_begun_is_left_to_its_event_for_a_while() -> None:
    """In a burst its event waits for its turn: starting it here as well would only make the burst longer."""
    new = Wanting(canary(), deployment(), CHANGED)
    assert _due([new], CHANGED + TIME_TO_BEGIN - 1) == []


def test_a_worker_that_looks_for_the_first_time_does_not_wait_anew() -> None:
    """Each that took a killed one's place is such a worker; the change is as old for it as for the other."""
    new = Wanting(canary(), deployment(), CHANGED)
    assert _due([new], CHANGED + TIME_TO_BEGIN) == [new]
