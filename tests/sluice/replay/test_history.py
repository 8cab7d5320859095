"""A provider's history gives the looks that the judge would have had."""

from __future__ import annotations

from sluice.judge.verdict import Verdict
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Telemetry
from sluice.measures.series import Series
from sluice.measures.tally import Tally
from sluice.replay.history import recording_of
from sluice.replay.recording import replay
from tests.sluice.judge.traffic import SUCCESS, Watch

TELEMETRY = Telemetry(
    total="requests",
    buckets="durations",
    side_label="side",
    canary="c",
    primary="p",
    bad={"class": "5"},
)


def series(side: str, code: str, each: int, scrapes: int) -> Series:
    """A counter that grows by so much between scrapes, from a scrape before the beginning on."""
    return Series(
        {"side": side, "class": code}, tuple((2.0 * k, float(each * max(k, 0))) for k in range(-1, scrapes + 1))
    )


def test_each_scrape_is_a_look_and_the_words_are_those_of_a_judge_who_was_there() -> None:
    """The counts of both sides, the last minute, and the verdict at the same scrape."""
    tally = Tally(SUCCESS, TELEMETRY, 0.0, 1000.0)
    tally.add([series("c", "2", 18, 40), series("c", "5", 2, 40), series("p", "2", 180, 40)])
    recording = recording_of([tally], 0.0, 10)
    assert [look.now for look in recording.looks] == [2.0 * k for k in range(1, 41)]
    assert recording.looks[-1].recent["request-success-rate"] == Sides(Counts(600, 60), Counts(5400, 0))
    watch = Watch()
    blocks = watch.until(Verdict.FAIL, (20, 2, 180, 0))
    *_, last = replay([recording])
    assert (last.judgement.verdict, last.at) == (Verdict.FAIL, 2.0 * blocks)


def test_no_samples_are_no_looks() -> None:
    """Nothing is said of a time in which nothing was counted."""
    assert recording_of([Tally(SUCCESS, TELEMETRY, 0.0, 10.0)], 0.0, 10).looks == ()
