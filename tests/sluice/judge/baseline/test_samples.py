"""What the comparison would have said of a release that was recorded."""

from __future__ import annotations

import pytest

from sluice.judge.policy import DEFAULT
from sluice.judge.sequential import Look
from sluice.judge.state import JudgeState
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.comparison import AnalysisComparison
from sluice.measures.counts import Counts, Sides
from sluice.replay.by_score import compared
from sluice.replay.recording import Recorder, Recording
from tests.sluice.judge.traffic import SUCCESS

NAME = SUCCESS.metric.name
SETTINGS = AnalysisComparison()
Moment = tuple[float, Sides]


def moments(begin: int, end: int, bad: int) -> list[Moment]:
    """A scrape each two seconds with ten requests of each half, of which `bad` of the canary's fail."""
    return [(2.0 * n, Sides(Counts(10 * n, bad * n), Counts(10 * n, 0))) for n in range(begin, end)]


def recorded(weight: int, started: float, seen: list[Moment], kind: str = "against_baseline") -> Recording:
    """A look after each scrape."""
    looks = tuple(Look(one[0], one[0], weight, started, **{kind: {NAME: [one]}}) for one in seen)  # type: ignore[arg-type]
    return Recording(weight=weight, state=JudgeState(revision="r", since=0.0), objectives=(SUCCESS,), looks=looks)


@pytest.mark.parametrize("kind", ["against_baseline", "scrapes"], ids=["a baseline", "the primary"])
def test_a_release_is_judged_at_the_end_of_each_step_over_all_that_was_seen(kind: str) -> None:
    """With a baseline or, where there was none, with the primary; after a fatal word nothing more is said."""
    first, then = recorded(10, 1.0, moments(1, 11, 0), kind), recorded(50, 21.0, moments(11, 21, 0), kind)
    said = list(compared([first, then], SETTINGS))
    assert [(one.at, one.weight, one.judgement.verdict) for one in said] == [
        (20.0, 10, Verdict.PASS),
        (40.0, 50, Verdict.PASS),
    ]
    assert "over 20 samples" in said[-1].judgement.reason
    (fatal,) = compared([recorded(10, 1.0, moments(1, 11, 5), kind), then], SETTINGS)
    assert (fatal.at, fatal.judgement.verdict) == (20.0, Verdict.FAIL)


def test_a_step_that_another_worker_went_on_with_is_one_step() -> None:
    """What the second one read anew is not counted twice, and the word is given once, at the end."""
    first, then = recorded(50, 1.0, moments(1, 6, 0)), recorded(50, 1.0, moments(1, 11, 0))
    (said,) = compared([first, then], SETTINGS)
    assert (said.at, said.judgement.verdict) == (20.0, Verdict.PASS)
    assert "over 10 samples" in said.judgement.reason


def test_what_was_seen_of_a_baseline_is_kept_although_it_is_all_that_is_new() -> None:
    """The other judges' memory is not moved by it; without it this judge could not be asked again."""
    state, seen = JudgeState(revision="r", since=0.0), moments(1, 11, 0)
    recorder = Recorder(50, state, [SUCCESS], DEFAULT)
    for one in seen:
        recorder.note(Look(one[0], one[0], 50, 1.0, against_baseline={NAME: [one]}), state, state)
    kept = Recording.unpacked(recorder.packed())
    assert [look.against_baseline[NAME][0] for look in kept.looks] == seen
    assert [said.judgement.verdict for said in compared([kept], SETTINGS)] == [Verdict.PASS]


def test_a_release_without_looks_is_told_nothing_of() -> None:
    """A step that was cut short before its first scrape has no word."""
    assert list(compared([recorded(10, 1.0, [])], SETTINGS)) == []
