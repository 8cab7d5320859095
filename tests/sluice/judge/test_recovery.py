"""Whether what failed a revision is over since its flags are off: which numbers show it, and how sure that is."""

from __future__ import annotations

from random import Random

import pytest

from sluice.judge.policy import BETA, DEFAULT
from sluice.judge.recovery import Course, Failing, recovery, stretch
from sluice.measures.counts import Counts, Sides

SINCE = 1000.0
HALF_FAILED = Failing("request-success-rate", 0.01, Counts(40, 24))


def scrapes(*blocks: tuple[int, int], every: float = 2.0) -> list[tuple[float, Sides]]:
    """Moments after the switch, each with so many more requests and bad ones."""
    requests = bad = 0
    found = []
    for number, (more, worse) in enumerate(blocks, 1):
        requests, bad = requests + more, bad + worse
        found.append((SINCE + number * every, Sides(Counts(requests, bad))))
    return found


def said(*blocks: tuple[int, int], left: float = 20.0) -> Course:
    return recovery([HALF_FAILED], {HALF_FAILED.metric: scrapes(*blocks)}, SINCE, left, DEFAULT).course


@pytest.mark.parametrize(
    ("blocks", "left", "course"),
    [
        pytest.param([], 20, Course.OPEN, id="nothing was seen yet"),
        pytest.param([(50, 0)] * 3, 20, Course.RECOVERED, id="no request is bad any more"),
        pytest.param([(50, 0)] * 2, 20, Course.OPEN, id="two scrapes are not enough"),
        pytest.param([(5, 0)] * 4, 20, Course.OPEN, id="twenty requests are not enough"),
        pytest.param([(20, 11), (20, 3), *[(50, 0)] * 5], 10, Course.RECOVERED, id="caches are renewed one by one"),
        pytest.param([(20, 12)] * 4, 20, Course.OPEN, id="it fails on, and there is time"),
        pytest.param([(20, 12)] * 8, 3, Course.HOPELESS, id="it fails on, and no three scrapes are left"),
        pytest.param([(50, 0)] * 2, 0, Course.HOPELESS, id="the time is over"),
        pytest.param([(100, 5)] * 12, 5, Course.OPEN, id="better than before is not good"),
        pytest.param([(100, 5)] * 15, 0, Course.HOPELESS, id="better than before is not good at the end either"),
        pytest.param([(0, 0)] * 10, 1, Course.OPEN, id="silence shows nothing"),
    ],
)
def test_a_course(blocks: list[tuple[int, int]], left: float, course: Course) -> None:
    """What is said after so many scrapes of two seconds."""
    assert said(*blocks, left=left) is course


def test_the_evidence_of_the_release_goes_on_from_the_last_failure() -> None:
    """What was still bad while caches were renewed is not held against it once more."""
    moments = scrapes((20, 12), (20, 9), *[(60, 0)] * 5)
    found = recovery([HALF_FAILED], {HALF_FAILED.metric: moments}, SINCE, 10, DEFAULT)
    assert found.course is Course.RECOVERED
    assert found.since == SINCE + 4
    assert "0 of 300 requests bad since, 24 of 40 before" in found.said


def test_each_metric_that_failed_has_to_recover() -> None:
    """One that fails on is enough to go home."""
    other = Failing("request-duration", 0.01, Counts(40, 30))
    moments = {HALF_FAILED.metric: scrapes(*[(50, 0)] * 8), other.metric: scrapes(*[(50, 30)] * 8)}
    assert recovery([HALF_FAILED, other], moments, SINCE, 20, DEFAULT).course is Course.OPEN
    assert recovery([HALF_FAILED, other], moments, SINCE, 2, DEFAULT).course is Course.HOPELESS
    assert recovery([HALF_FAILED], moments, SINCE, 2, DEFAULT).course is Course.RECOVERED


def test_an_objective_of_all_requests_can_recover_too() -> None:
    """It allows nothing, and no number of requests proves that."""
    never = Failing("request-success-rate", 0.0, Counts(40, 24))
    moments = {never.metric: scrapes(*[(300, 0)] * 10)}
    assert recovery([never], moments, SINCE, 10, DEFAULT).course is Course.RECOVERED


def test_what_goes_on_as_before_is_seldom_taken_for_recovered() -> None:
    """Of releases that fail on at the least rate that counts as before, at most one in twenty is kept."""
    chance, kept, lives = Random(7), 0, 1000
    for _ in range(lives):
        blocks = [(20, sum(chance.random() < HALF_FAILED.as_before for _ in range(20))) for _ in range(15)]
        moments = scrapes(*blocks)
        kept += any(
            stretch(HALF_FAILED, SINCE, moments[:seen]).recovered(DEFAULT) for seen in range(1, len(moments) + 1)
        )
    assert kept / lives <= BETA
