"""Flagger's rule on what was recorded: when its checks are, what they count, and who may ask for it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import InvalidError
from sluice.judge.sequential import Look
from sluice.judge.state import JudgeState
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective
from sluice.replay.by_threshold import ByThreshold
from sluice.replay.checks import Checks
from sluice.replay.judges import JUDGES, Asked, judge_of
from sluice.replay.recording import Recorder, Recording
from tests.samples import canary, success_rate
from tests.sluice.judge.traffic import DURATION, SUCCESS, Block, Watch

Word = tuple[float, Verdict]


class Steps(Watch):
    """A judge whose looks are taken down, step by step."""

    def step(self, blocks: Sequence[Block], checks: Checks | None = None, weight: int = 10) -> Recording:
        self.weight, self.step_started = weight, self.now
        recorder = Recorder(weight, self.state, self.objectives, self.policy, checks)
        for block in blocks:
            before, self.seen = self.state, []  # type: ignore[var-annotated]
            self.see(block)
            recorder.note(self.seen[0], before, self.state)
        return Recording.unpacked(recorder.packed())

    def look(self, look: Look) -> object:  # type: ignore[override]
        self.seen.append(look)
        return super().look(look)


GOOD, BAD, SILENT = (20, 0, 180, 0), (20, 2, 180, 0), (0, 0, 180, 0)
MINUTE = 30
"""Scrapes in a minute, which is the metrics' window."""


def words(recordings: Sequence[Recording], interval: float | None = None, threshold: int | None = None) -> list[Word]:
    return [(one.at, one.judgement.verdict) for one in ByThreshold(interval, threshold).judge(recordings)]


def test_so_many_failed_checks_at_each_interval_take_a_release_back() -> None:
    """Failed ones need not be in a row: Flagger never forgets one. Nothing is said after the last."""
    (last,) = [Steps().step([BAD] * MINUTE + [GOOD] * MINUTE + [BAD] * 3 * MINUTE)]
    assert words([last], 60.0, 3) == [
        (60.0, Verdict.CONTINUE),
        (120.0, Verdict.PASS),
        (180.0, Verdict.CONTINUE),
        (240.0, Verdict.FAIL),
    ]
    *_, word = ByThreshold(60.0, 3).judge([last])
    assert word.judgement.reason == (
        "3 of 3 failed checks: request-success-rate 90 % (540 of 600 requests), objective 99 %"
    )
    assert [reading.value for reading in word.judgement.readings] == [90.0]


def test_a_check_looks_at_the_metric_s_own_window() -> None:
    """What is older is forgotten, and what an older revision left never counts."""
    recording = Steps().step([BAD] * 5 + [GOOD] * 40)
    assert words([recording], 10.0, 100)[:7] == [(10.0 * k, Verdict.CONTINUE) for k in range(1, 7)] + [
        (70.0, Verdict.PASS)
    ]


@pytest.mark.parametrize(
    ("said", "word"),
    [("fail", Verdict.CONTINUE), ("pass", Verdict.PASS), ("hold", Verdict.NO_DATA), ("extend", Verdict.NO_DATA)],
)
def test_no_data_is_a_failed_check_unless_the_manifest_says_otherwise(said: str, word: Verdict) -> None:
    """As Flagger has it; held it counts neither way, and after one more interval `extend` goes on."""
    recording = Steps().step([SILENT] * 3 * MINUTE, Checks(interval=60, threshold=3, on_no_data=said))  # type: ignore[arg-type]
    last = {"fail": Verdict.FAIL, "extend": Verdict.PASS}.get(said, word)
    assert [verdict for _, verdict in words([recording])] == [word, {"extend": Verdict.PASS}.get(said, word), last]
    few = Steps().step([(1, 0, 180, 0)] * MINUTE, Checks(interval=60, on_no_data="hold", min_requests=31))
    assert words([few]) == [(60.0, Verdict.NO_DATA)]


def test_without_an_interval_a_check_is_where_it_was_at_the_end_of_each_step() -> None:
    """By the threshold of the manifest of then, over steps; the last look is kept whatever it saw."""
    watch, checks = Steps(), Checks(threshold=2, on_no_data="hold")
    steps = [watch.step([one] * 10, checks, weight) for one, weight in ((BAD, 10), (SILENT, 30), (BAD, 50), (GOOD, 60))]
    assert words(steps) == [(20.0, Verdict.CONTINUE), (40.0, Verdict.FAIL)]
    assert words(steps, threshold=3) == [(20.0, Verdict.CONTINUE), (40.0, Verdict.CONTINUE), (60.0, Verdict.FAIL)]
    assert [one.weight for one in ByThreshold(15.0, 9).judge(steps)] == [10, 30, 50, 50, 60]


def test_what_a_dead_worker_left_no_record_of_is_not_in_the_window() -> None:
    """The memory of the one that took over has the counts up to then."""
    watch = Steps()
    watch.step([BAD] * 60)
    taken_over = watch.step([GOOD] * 40)
    assert words([taken_over], 200.0, 1) == [(200.0, Verdict.PASS)]


def test_of_a_gauge_the_last_look_counts() -> None:
    """Not how often it was outside, and one look is enough; one that is older than the metric's window is no data."""
    gauge = {"name": "queue-age", "templateRef": {"name": "q"}, "thresholdRange": {"max": 30}, "every": "5s"}
    age = Objective.of(CanaryMetric.model_validate(gauge))
    outside = (0, 0, 1, 1, 0)
    looks, seen = [], Counts()
    for k, out in enumerate(outside, 1):
        seen = Counts(seen.requests + 1, seen.bad + out)
        looks.append(Look(5.0 * k, 5.0 * k, 10, 0.0, {age.metric.name: [(5.0 * k, Sides(seen))]}))
    looks.append(Look(200.0, 25.0, 10, 0.0))
    checks = Checks(interval=5, threshold=9, on_no_data="hold", min_requests=20)
    recording = Recording(
        weight=10, state=JudgeState(revision="r", since=0.0), objectives=(age,), checks=checks, looks=tuple(looks)
    )
    said = list(ByThreshold().judge([recording]))
    assert [one.judgement.verdict is Verdict.PASS for one in said[:5]] == [not out for out in outside]
    assert said[2].judgement.reason == "1 of 9 failed checks: queue-age 0 % inside, objective at most 30"
    assert [one.judgement.verdict for one in said if one.at >= 85.0] == [Verdict.NO_DATA] * 24


def test_nothing_recorded_is_nothing_said() -> None:
    """Neither is a release that was over before its first check."""
    assert words([]) == []
    assert words([Steps().step([])], 60.0) == []
    assert words([Steps().step([BAD] * 3)], 60.0) == []


def test_a_recording_that_took_no_checks_down_needs_a_threshold() -> None:
    """Flagger's own default of one failed check would be nobody's."""
    recording = Steps().step([BAD] * 10)
    with pytest.raises(InvalidError, match="say --threshold"):
        words([recording])
    assert words([recording], threshold=1) == [(20.0, Verdict.FAIL)]


@given(st.lists(st.sampled_from([GOOD, BAD, SILENT]), min_size=1, max_size=60), st.integers(1, 12), st.integers(1, 4))
def test_each_check_is_the_window_s_own_counts(blocks: list[Block], every: int, threshold: int) -> None:
    """Counted anew from the blocks: failed checks until so many, and not one sooner or later."""
    recording = Steps(objectives=(SUCCESS, DURATION)).step(blocks)
    failed, expected = 0, []
    for end in range(every, len(blocks) + 1, every):
        window = blocks[max(0, end - MINUTE) : end]
        requests, bad = sum(block[0] for block in window), sum(block[1] for block in window)
        over = requests == 0 or bad > 0.01 * requests
        failed += over
        verdict = (Verdict.FAIL if failed >= threshold else Verdict.CONTINUE) if over else Verdict.PASS
        expected.append((2.0 * end, verdict))
        if verdict is Verdict.FAIL:
            break
    assert words([recording], 2.0 * every, threshold) == expected


def test_a_manifest_says_how_checks_are_made() -> None:
    """For Flagger no data fails where `onNoData` is not set; a rollout's own checks are at the ends of its steps."""
    plain = canary({"analysis": {"interval": "30s", "threshold": 0, "metrics": [success_rate()]}}).spec.analysis
    own = canary({"analysis": {"onNoData": "extend", "minRequests": 7}}).spec.analysis
    assert plain is not None
    assert own is not None
    assert Checks.flaggers(plain) == Checks(interval=30.0, threshold=1, on_no_data="fail", min_requests=1)
    assert Checks.sluices(plain) == Checks(interval=None, threshold=1, on_no_data="hold")
    assert Checks.flaggers(own).on_no_data == Checks.sluices(own).on_no_data == "extend"
    assert Checks.flaggers(own).min_requests == 7


@pytest.mark.parametrize(
    ("kind", "asked", "said"),
    [
        ("oracle", Asked(), "--judge 'oracle' is none; there are evidence, threshold"),
        ("threshold", Asked(alpha=0.01), "--alpha says nothing to --judge threshold; it is for --judge evidence"),
        ("evidence", Asked(interval=60.0), "--interval says nothing to --judge evidence; it is for --judge threshold"),
        ("evidence", Asked(alpha=1.5), "--alpha: alpha 1.5"),
        ("threshold", Asked(interval=0.0), "--interval 0 s"),
        ("threshold", Asked(threshold=0), "--threshold 0"),
    ],
)
def test_what_no_judge_can_be_asked_is_told(kind: str, asked: Asked, said: str) -> None:
    """By the option's name, and with the judge that it is for."""
    with pytest.raises(InvalidError, match=said):
        judge_of(kind, asked)


@pytest.mark.parametrize("kind", JUDGES)
def test_every_judge_says_which_it_is_and_ends_at_a_fail(kind: str) -> None:
    """What `sluice replay` and `sluice tune` need of any of them."""
    judge = judge_of(kind)
    said = list(judge.judge([Steps().step([(20, 20, 180, 0)] * 60, Checks(interval=20))]))
    assert str(judge).startswith(kind)
    assert [one.judgement.verdict for one in said].index(Verdict.FAIL) == len(said) - 1
    assert said[-1].at >= judge.earliest


def test_a_look_without_a_sample_is_no_reason_for_a_check_to_see_less() -> None:
    """Counts of a scrape belong to its own time."""
    sides = [Sides(Counts(100 * k, k)) for k in (1, 2)]
    looks = tuple(Look(2.0 * k, 2.0 * k, 10, 0.0, {SUCCESS.metric.name: [(2.0 * k, sides[k - 1])]}) for k in (1, 2))
    recording = Recording(weight=10, state=JudgeState(revision="r", since=0.0), objectives=(SUCCESS,), looks=looks)
    assert words([recording], 3.0, 1) == [(3.0, Verdict.PASS)]
