"""What other policies would have said of past releases."""

from __future__ import annotations

from sluice.judge.policy import DEFAULT
from sluice.judge.recording import Recorder, Release
from sluice.judge.tuning import ALPHAS, tried
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


def test_each_policy_is_counted_on_good_and_bad_releases() -> None:
    """Promoted ones that it takes back are its false alarms; of those that were taken back, how many it sees and when."""
    good, bad = released((20, 0, 180, 0), "promoted"), released((20, 2, 180, 0), "rolled back")
    missed = released((20, 0, 180, 0), "rolled back")
    rows = list(tried([good, bad, missed]))
    assert len(rows) == 2 * len(ALPHAS)
    assert all((row.good, row.taken_back, row.bad, row.seen) == (1, 0, 2, 1) for row in rows)
    times = {(row.policy.interleave, row.policy.alpha): row.median_s for row in rows}
    plain = [times[False, alpha] for alpha in ALPHAS]
    assert plain == sorted(plain, reverse=True)
    assert plain[0] > plain[-1]
    assert all(times[True, alpha] >= times[False, alpha] for alpha in ALPHAS)


def test_a_good_release_that_a_policy_takes_back_is_its_false_alarm() -> None:
    """A promoted release with failures in it tells a policy that asks for little from one that asks for much."""
    rows = {
        row.policy.alpha: row.taken_back
        for row in tried([released((20, 1, 180, 0), "promoted", 4)])
        if not row.policy.interleave
    }
    assert rows[ALPHAS[-1]] == 1
    assert rows[ALPHAS[0]] == 0
