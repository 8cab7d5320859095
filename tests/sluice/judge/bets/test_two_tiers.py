"""Two error rates: alpha for a release that is no worse than the primary, more for one that only keeps its objective."""

from __future__ import annotations

import random
from math import log
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.judge.policy import TIER, Policy
from sluice.judge.rule import with_control
from sluice.judge.sequential import against as overwhelming
from sluice.judge.state import ON_BLOCKS, MetricState
from sluice.judge.verdict import Verdict
from sluice.measures.counts import Counts
from tests.sluice.judge.traffic import DURATION, SUCCESS, Block, Watch, at_most, binomial, fails

TIERED = Policy(alpha=0.01)
CLEAN: Block = (20, 0, 180, 0)
NAME = SUCCESS.metric.name
BLOCKS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 200), st.integers(0, 200)).map(
        lambda four: (four[0], min(four[:2]), four[2], min(four[2:]))
    ),
    max_size=12,
)


def test_a_release_that_keeps_its_objective_beside_a_better_primary_is_failed_at_most_at_the_second_rate() -> None:
    """Exactly at the objective, the primary without a failure: worse than before, and within what was asked for."""
    dice, releases, failed = random.Random(41), 120, 0
    for _ in range(releases):
        failed += fails(Watch(TIERED), [(20, binomial(dice, 20, 0.01), 180, 0) for _ in range(30)])
    assert at_most(failed, releases, TIERED.alpha * TIERED.tier)


def test_a_release_that_is_no_worse_than_the_primary_is_failed_at_most_at_alpha() -> None:
    """Five times what the objective allows, of both alike: the control alone decides, and at the first rate."""
    dice, policy, releases, failed = random.Random(43), Policy(alpha=0.05), 80, 0
    for _ in range(releases):
        blocks = [(10, binomial(dice, 10, 0.05), 30, binomial(dice, 30, 0.05)) for _ in range(30)]
        failed += fails(Watch(policy), blocks)
    assert at_most(failed, releases, policy.alpha)


def test_what_blocks_alone_prove_counts_in_full() -> None:
    """The part of the wealth that bets on blocks, times the tier, is not less than all of it at alpha."""
    assert TIER * ON_BLOCKS >= 1


@settings(max_examples=40)
@given(BLOCKS)
def test_the_gated_evidence_is_never_less_than_that_of_blocks_behind_the_gate(blocks: list[Block]) -> None:
    """Counting requests may fail a release sooner than bets on blocks do, and never later."""
    watch = Watch()
    list(watch.all(blocks))
    metric = watch.state.metrics.get(NAME)
    if metric is None:
        return
    assert with_control(watch.state, NAME, watch.policy) >= min(metric.on_blocks, metric.control.log_wealth) - 1e-9


def test_half_of_the_requests_failing_ends_a_release_after_two_blocks() -> None:
    """Ten requests a second, with a clean primary, and a second metric that is good: no more than four seconds."""
    watch = Watch(objectives=(SUCCESS, DURATION))
    assert watch.see((20, 10, 180, 0), CLEAN).verdict is Verdict.CONTINUE
    assert watch.see((20, 10, 180, 0), CLEAN).verdict is Verdict.FAIL


@settings(max_examples=40)
@given(st.integers(1, 10**6), st.integers(0, 10**7), st.sampled_from([None, 10, 90, 100]), st.booleans())
def test_one_block_never_fails_a_release(n: int, m: int, weight: int | None, interleave: bool) -> None:
    """However many of its requests fail, with a primary or without, after good blocks or none."""
    for before in (0, 5):
        watch = Watch(Policy(interleave=interleave), weight=weight)
        list(watch.all([CLEAN] * before))
        watch.see((n, n, m, 0))
        after = {judgement.verdict for judgement in watch.all([CLEAN] * 5)}
        assert Verdict.FAIL not in after
        assert not watch.state.failed


@pytest.mark.parametrize("level", [0.05, 0.5, 1.0])
def test_an_outage_that_both_share_fails_no_release(level: float) -> None:
    """A dependency is away for a minute, with two metrics, for a canary that has a tenth of the traffic."""
    dice, watch = random.Random(47), Watch(objectives=(SUCCESS, DURATION))
    list(watch.all([CLEAN] * 5))
    for _ in range(30):
        watch.see((20, binomial(dice, 20, level), 180, binomial(dice, 180, level)), CLEAN)
    list(watch.all([CLEAN] * 60))
    assert not watch.state.failed


@pytest.mark.parametrize("together", [False, True], ids=["each by itself", "all or nothing"])
def test_without_a_primary_blocks_alone_decide_and_at_alpha(together: bool) -> None:
    """No control stands between a burst and a rollback: then nothing is assumed of the requests of a block."""
    dice, policy, releases, failed = random.Random(53), Policy(alpha=0.05), 120, 0
    for _ in range(releases):
        draws = [10 * binomial(dice, 1, 0.01) if together else binomial(dice, 10, 0.01) for _ in range(30)]
        failed += fails(Watch(policy, remembers=False), [(10, bad, 0, 0) for bad in draws])
    assert at_most(failed, releases, policy.alpha)


@pytest.mark.parametrize(
    ("told", "single", "tier"),
    [({}, True, TIER), ({"interleave": True}, False, 1.0)],
    ids=["as it is", "interleaved"],
)
def test_who_asks_for_blocks_alone_has_one_error_rate(told: dict[str, Any], single: bool, tier: float) -> None:
    """Interleaved bets count no single requests, and have no second tier."""
    watch = Watch(Policy(**told))
    list(watch.all([(20, 2, 1800, 0)] * 4))
    metric = watch.state.metrics[NAME]
    assert (metric.single is not None) is single
    assert metric.control.log_wealth > with_control(watch.state, NAME, watch.policy)
    assert with_control(watch.state, NAME, watch.policy) == pytest.approx(metric.log_wealth + log(tier))


def test_a_status_of_an_older_version_goes_on_with_blocks_alone() -> None:
    """Single requests were not counted from the start, so they are not from the middle."""
    old = MetricState.of(SUCCESS, Policy(interleave=True))
    old = MetricState(evidence=old.evidence, primary=Counts())
    new = old.after(Counts(20, 10), Counts(180, 0), 2.0, Policy())
    assert new.single is None
    assert new.log_wealth == new.on_blocks


def test_the_reason_names_both_odds() -> None:
    """Against the objective and against being no worse: a reader sees why less than alpha asks for was enough."""
    watch = Watch()
    watch.until(Verdict.FAIL, (200, 8, 1800, 2))
    found = overwhelming(watch.state.model_copy(update={"failed": ""}), watch.objectives)
    assert found is not None
    assert found.reason.count(":1, 125 needed)") == 1
    assert found.reason.count(":1, 1,000 needed)") == 1
    assert watch.state.metrics[NAME].log_wealth >= log(1 / watch.policy.alpha / TIER)
