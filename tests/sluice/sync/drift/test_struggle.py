"""A fight is recognised, people hear of it once, and it is not fought for ever; what is no fight is put back at once."""

from __future__ import annotations

import pytest

from sluice.errors import InvalidError
from sluice.sync.drift.policy import ANNOTATION, Policy, policy_of
from sluice.sync.drift.struggle import FIRST_PAUSE, LONGEST_PAUSE, MOST, WINDOW, Struggle


def fought(struggle: Struggle, seconds: float, apart: float = 1.0) -> list[bool]:
    """Somebody who changes it a second after each correction."""
    said, now = [], 0.0
    while now < seconds:
        now += apart + struggle.wait(now + apart)
        said.append(struggle.corrected(now))
    return said


def test_corrections_of_a_fight_become_rare_and_are_called_one_once() -> None:
    """An hour of a controller that never gives up is a few dozen corrections and one message."""
    said = fought(Struggle(), 3600)
    assert said.count(True) == 1
    assert said.index(True) == MOST - 1
    assert len(said) < 20


def test_pauses_end_at_the_longest() -> None:
    """It is put back now and then all the same: the controller may have been mended."""
    struggle = Struggle()
    fought(struggle, 24 * 3600)
    assert struggle.pause == LONGEST_PAUSE


def test_changes_that_are_far_apart_are_no_fight() -> None:
    """A person who edits something every minute or so is put right each time."""
    struggle = Struggle()
    said = fought(struggle, 3600, apart=WINDOW / (MOST - 1) + 1)
    assert True not in said
    assert struggle.pause == 0


def test_after_a_long_quiet_it_is_no_fight_any_more() -> None:
    """And the next one is news."""
    struggle = Struggle()
    fought(struggle, 60)
    assert struggle.pause >= FIRST_PAUSE
    later = struggle.until + 10 * struggle.pause
    assert not struggle.corrected(later)
    assert struggle.wait(later + 1) == 0
    assert struggle.over(later + WINDOW + 1)


@pytest.mark.parametrize(("said", "policy"), [({}, Policy.AT_INTERVAL), ({ANNOTATION: "at-once"}, Policy.AT_ONCE)])
def test_the_policy_is_an_annotation(said: dict[str, str], policy: Policy) -> None:
    """Without one it is Flux's."""
    assert policy_of(said) is policy


def test_a_policy_that_is_none_is_refused_with_those_that_are() -> None:
    """Doing nothing would look like the policy that was meant."""
    with pytest.raises(InvalidError, match=r"sluice\.dev/drift.*at-once, at-interval, report-only"):
        policy_of({ANNOTATION: "now"})
