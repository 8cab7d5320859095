"""The judge's memory: kept and restored bit for bit, whatever the rhythm of looks."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.judge.policy import Policy
from sluice.judge.rule import with_control
from sluice.judge.sequential import Look
from sluice.judge.state import JudgeState
from sluice.judge.verdict import Verdict
from sluice.measures.counts import Counts, Sides
from tests.sluice.judge.traffic import DURATION, SUCCESS, Block, Watch, with_counts

COUNT = st.integers(0, 200)
BLOCKS = st.lists(
    st.tuples(COUNT, COUNT, COUNT, COUNT).map(lambda four: (four[0], min(four[:2]), four[2], min(four[2:]))),
    max_size=12,
)


@settings(max_examples=25)
@given(BLOCKS, BLOCKS, st.booleans())
def test_a_worker_that_takes_over_judges_bit_for_bit_as_the_one_that_died(
    first: list[Block], then: list[Block], interleave: bool
) -> None:
    """What was written into the status and read back gives the same states and the same words."""
    watch, other = (Watch(Policy(interleave=interleave), (SUCCESS, DURATION)) for _ in range(2))
    list(watch.all(first))
    list(other.all(first))
    other.state = JudgeState.model_validate(other.state.model_dump(mode="json"))
    assert other.state == watch.state
    assert JudgeState.model_validate_json(watch.state.model_dump_json()) == watch.state
    assert list(other.all(then)) == list(watch.all(then))


def test_a_status_that_an_older_version_kept_still_loads_and_goes_on() -> None:
    """No control was kept, and bets in a form that is no more: their wins count for nothing, and the counts go on."""
    stakes = [7.1, 7.2, 7.3, 7.4, 7.5, 7.6]
    evidence = {"allowed": 0.01, "blocks": 2, "bad_blocks": 1, "requests": 100, "bad": 3, "stakes": stakes}
    kept = {"seen": {"requests": 100, "bad": 3}, "evidence": evidence}
    old = JudgeState.model_validate({"revision": "r1", "since": 1.5, "metrics": {SUCCESS.metric.name: kept}})
    assert old.metrics[SUCCESS.metric.name].log_wealth < 0
    new = with_counts(old, SUCCESS, Counts(120, 13), Counts(9000, 4000), at=10.0).metrics[SUCCESS.metric.name]
    assert (new.evidence.blocks, new.evidence.requests, new.evidence.bad) == (3, 120, 13)
    assert (new.control.blocks, new.primary) == (0, Counts(9000, 4000))
    then = new.after(Counts(140, 23), Counts(9200, 4000), 12.0, Policy())
    assert then.control.blocks == 1


@settings(max_examples=25)
@given(BLOCKS, st.integers(0, 7))
def test_more_bad_requests_of_the_canary_never_help_it_and_a_lower_alpha_never_fails_it_sooner(
    blocks: list[Block], at: int
) -> None:
    """The evidence of blocks points in one direction, and so does the error rate; requests may tell of bursts instead."""
    if not blocks:
        return
    at %= len(blocks)
    n, _, m, g = blocks[at]
    worse = [*blocks[:at], (n, n, m, g), *blocks[at + 1 :]]
    apart = Policy(interleave=True)
    watches = [Watch(one, remembers=False) for one in (apart, apart, replace(apart, alpha=1e-9))]
    loose, failed, strict = (
        [judgement.verdict is Verdict.FAIL for judgement in watch.all(seen)]
        for watch, seen in zip(watches, (blocks, worse, blocks), strict=True)
    )
    wealth = [with_control(watch.state, SUCCESS.metric.name, watch.policy) for watch in watches]
    assert wealth[1] >= wealth[0] - 1e-9
    assert sum(failed) >= sum(loose) >= sum(strict)


@settings(max_examples=25)
@given(st.lists(st.tuples(COUNT, st.booleans(), st.floats(0.01, 3.0)), min_size=1, max_size=25), st.data())
def test_a_missed_look_and_scrapes_within_one_block_change_nothing(
    scrapes: list[tuple[int, bool, float]], data: st.DataObject
) -> None:
    """Blocks are cut by the scrapes' own times: whoever looks seldom, or at every scrape, has the same evidence."""
    history, now, requests, bad = [], 0.0, 0, 0
    for more, fails_all, pause in scrapes:
        now, requests, bad = now + pause, requests + more, bad + more * fails_all
        history.append((now, Sides(Counts(requests, bad), Counts(9 * requests, 0))))
    name = SUCCESS.metric.name
    often, seldom = Watch(), Watch()
    for scrape in history:
        often.look(Look(scrape[0], scrape[0], 10, 0.0, {name: [scrape]}))
    cut = data.draw(st.integers(0, len(history)))
    for part in (history[:cut], history[cut:]):
        if part:
            seldom.look(Look(part[-1][0], part[-1][0], 10, 0.0, {name: part}))
    assert seldom.state.metrics == often.state.metrics


def test_halves_that_are_scraped_at_different_moments_share_their_blocks() -> None:
    """A scrape of the primary alone, a moment before the canary's, does not take its requests out of the control."""
    watch, name, now = Watch(), SUCCESS.metric.name, 0.0
    for number in range(1, 11):
        now = 2.0 * number
        early = Sides(Counts(10 * (number - 1)), Counts(90 * number))
        late = Sides(Counts(10 * number), Counts(90 * number))
        watch.look(Look(now, now, 10, 0.0, {name: [(now - 0.3, early), (now, late)]}))
    metric = watch.state.metrics[name]
    assert (metric.evidence.requests, metric.primary) == (100, Counts(900))
    assert metric.control.blocks >= 9


@pytest.mark.parametrize("bad", [0, 10_000_000, 1_000_000_000])
def test_huge_counts_give_finite_findings(bad: int) -> None:
    """A billion requests a scrape are judged without an overflow."""
    watch = Watch(Policy(design_effect=1.0))
    list(watch.all([(10**9, bad, 10**9, 10**9 - bad)] * 100))
    (finding,) = watch.findings()
    assert all(isfinite(one) for one in (finding.evidence, finding.control, finding.assurance))
