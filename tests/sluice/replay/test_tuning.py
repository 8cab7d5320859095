"""What other judges would have said of past releases."""

from __future__ import annotations

import pytest

from sluice.charts.tuning import tuning_chart
from sluice.errors import InvalidError
from sluice.judge.policy import DEFAULT
from sluice.replay.by_threshold import ByThreshold
from sluice.replay.judges import JUDGES, Judge, judge_of, judges_of
from sluice.replay.recording import Recorder, Release, replay
from sluice.replay.tuning import Tried, tried
from tests.sluice.judge.traffic import SUCCESS, Block, Watch


def released(block: Block, outcome: str, blocks: int = 60) -> Release:
    """A release whose blocks are all alike, judged to its end whatever is said."""
    watch = Watch()
    recorder = Recorder(10, watch.state, (SUCCESS,), DEFAULT)
    take = watch.look

    def look(look):  # type: ignore[no-untyped-def]
        before = watch.state
        said = take(look)
        recorder.note(look, before, watch.state)
        return said

    watch.look = look  # type: ignore[method-assign]
    list(watch.all([block] * blocks))
    return Release(release="shop.test@1", outcome=outcome, recordings=(recorder.packed(),))


GOOD, BAD = (20, 0, 180, 0), (20, 2, 180, 0)


def evidence(*alphas: float, interleave: bool = False) -> list[tuple[str, Judge]]:
    asked = {"alpha": alphas, "interleave": (interleave,)}
    return [one for one in judges_of(asked) if one[0] == "evidence"]


def test_each_judge_is_counted_on_good_and_bad_releases() -> None:
    """Promoted ones that it takes back are its false alarms; of those that were rolled back, how many it sees and when."""
    releases = [released(GOOD, "promoted"), released(BAD, "rolled back"), released(GOOD, "rolled back")]
    alphas = (0.0001, 0.001, 0.01, 0.05)
    plain, apart = (list(tried(releases, evidence(*alphas, interleave=one))) for one in (False, True))
    assert all((row.good, row.rolled_back, row.bad, row.seen) == (1, 0, 2, 1) for row in plain + apart)
    times = [row.median_s or 0.0 for row in plain]
    assert times == sorted(times, reverse=True)
    assert times[0] > times[-1]
    assert all((slow.median_s or 0.0) >= fast for slow, fast in zip(apart, times, strict=True))


def test_a_good_release_that_a_judge_takes_back_is_its_false_alarm() -> None:
    """A promoted release with failures in it tells a judge that asks for little from one that asks for much."""
    much, little = tried([released((20, 1, 180, 0), "promoted", 4)], evidence(0.0001, 0.05))
    assert (much.rolled_back, little.rolled_back) == (0, 1)
    assert (much.false_alarms, little.false_alarms) == (0.0, 1.0)


def test_flagger_s_rule_is_a_row_beside_the_evidence() -> None:
    """Two bad minutes at the end of which it looks; where what is recorded ends sooner, it is not said to have missed."""
    releases = [released(GOOD, "promoted", 90), released(BAD, "rolled back", 90), released(BAD, "rolled back", 5)]
    judges = [("threshold", ByThreshold(60.0, 2)), *evidence(0.001)]
    checks, bets = tried(releases, judges)
    assert (checks.rolled_back, checks.bad, checks.seen, checks.too_short, checks.median_s) == (0, 2, 1, 1, 120.0)
    assert bets.median_s is not None
    assert (bets.seen, bets.too_short, bets.median_s < 30.0) == (2, 0, True)


def test_all_kinds_of_judges_are_tried_where_nothing_is_asked_for() -> None:
    """With the numbers that are worth trying, and only with those that are asked for where some are."""
    assert {kind for kind, _ in judges_of({})} == set(JUDGES)
    asked = {"alpha": (0.01,), "interleave": (True,), "interval": (30.0,), "threshold": (2, 4)}
    tries = {kind: [str(one) for other, one in judges_of(asked) if other == kind] for kind in ("evidence", "threshold")}
    assert tries["evidence"] == ["evidence, alpha 0.01, interleave"]
    assert tries["threshold"] == ["threshold, 2 failed checks, 30 s apart", "threshold, 4 failed checks, 30 s apart"]


def test_releases_of_which_nothing_is_known_are_refused() -> None:
    """Neither false alarms nor what was missed could be counted."""
    with pytest.raises(InvalidError, match=r"none of the releases was promoted or rolled back.*--outcome"):
        list(tried([released(GOOD, "from Prometheus")], evidence(0.001)))


def test_the_picture_has_a_dot_for_each_judge_that_has_seconds() -> None:
    """Hollow where what is recorded was too short for it; a judge that merely saw nothing has none."""

    def row(seen: int, too_short: int, seconds: float | None, threshold: int = 1) -> Tried:
        return Tried("threshold", ByThreshold(60.0, threshold), 10, 1, 5, seen, too_short, seconds)

    picture = tuning_chart([row(5, 0, 60.0), row(0, 5, None, 5), row(0, 0, None, 9)])
    assert picture.startswith("<svg")
    assert picture.count("<circle") == 2
    assert picture.count('fill="#ffffff" stroke="#2563eb"') == 1
    assert "5 failed checks, 60 s apart" in picture
    assert "9 failed checks" not in picture
    assert tuning_chart([]).startswith("<svg")


def test_the_judge_that_a_release_had_is_one_of_them() -> None:
    """Asked for nothing, each kind judges as it was."""
    release = released(BAD, "rolled back")
    assert [one.judgement for one in judge_of("evidence").judge(release.steps())] == [
        one.judgement for one in replay(release.steps())
    ]
