"""Silence: its kinds, and what each of them leads to."""

from __future__ import annotations

from sluice.judge.verdict import Silence, Verdict
from tests.sluice.judge.traffic import SUCCESS, Block, Watch

CLEAN: Block = (100, 0, 900, 0)


def test_silence_of_both_halves_is_no_traffic_and_freezes_what_is_known() -> None:
    """Nobody asks: neither success nor failure, for as long as it lasts."""
    watch = Watch()
    list(watch.all([(10, 1, 90, 1)] * 3))
    before = watch.state.metrics[SUCCESS.metric.name]
    judgement = [watch.see((0, 0, 0, 0)) for _ in range(1000)][-1]
    after = watch.state.metrics[SUCCESS.metric.name]
    assert (judgement.verdict, judgement.silence) == (Verdict.NO_DATA, Silence.NO_TRAFFIC)
    assert (after.evidence, after.control, after.assurance) == (before.evidence, before.control, before.assurance)
    assert watch.see((10, 0, 90, 0)).silence is None


def test_a_canary_that_answers_nothing_while_the_primary_does_is_starved_and_failed_in_a_minute() -> None:
    """Requests that never come to an end are counted nowhere: by the primary's the canary should have had some."""
    watch = Watch(weight=10)
    list(watch.all([(10, 0, 90, 0)] * 3))
    silent = [watch.see((0, 0, 90, 0)) for _ in range(31)]
    kinds = [judgement.silence for judgement in silent]
    assert kinds[0] is None
    assert silent[5].verdict is Verdict.NO_DATA
    assert kinds[5] is Silence.STARVED
    assert [judgement.verdict for judgement in silent].index(Verdict.FAIL) == 29
    assert "while the primary answers" in watch.state.failed


def test_a_small_weight_is_no_starvation_and_a_new_weight_begins_anew() -> None:
    """At one percent few requests are to be expected; and those before the weight was raised were never the canary's."""
    watch = Watch(weight=1)
    assert {watch.see((0, 0, 50, 0)).silence for _ in range(35)} == {None}
    watch.weight = 50
    assert watch.see((0, 0, 5, 0)).silence is None


def test_no_samples_are_blindness_and_fail_a_release_only_after_minutes() -> None:
    """Whoever sees nothing holds the step; five minutes blind are too long for users."""
    watch = Watch()
    list(watch.all([CLEAN] * 20))
    assert watch.blind(5.0).silence is None
    judgement = watch.blind(5.0)
    assert (judgement.verdict, judgement.silence) == (Verdict.NO_DATA, Silence.BLIND)
    assert watch.blind(280.0).verdict is Verdict.NO_DATA
    assert watch.blind(20.0).verdict is Verdict.FAIL


def test_without_counted_metrics_there_is_nothing_to_be_silent_about() -> None:
    """A Canary that is judged by its owner's queries alone is neither passed nor failed here."""
    watch = Watch(objectives=())
    for seconds in (1.0, 100.0, 1000.0):
        assert watch.blind(seconds).verdict is Verdict.CONTINUE
