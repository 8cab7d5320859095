"""The evidence against an objective: what its mathematics promises, tried."""

from __future__ import annotations

import random
from itertools import pairwise
from math import comb, exp, isfinite, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from sluice.judge.bets.blocks import BETS, PRIOR, Evidence
from sluice.judge.bets.wealth import RICHEST, cash, cut_off, investment, log_mean

ALLOWED = st.sampled_from([1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5])
KEPT = TypeAdapter(Evidence)
BLOCKS = st.lists(
    st.integers(0, 500).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=0, max_size=40
)


def after(evidence: Evidence, blocks: list[tuple[int, int]]) -> Evidence:
    for requests, bad in blocks:
        evidence = evidence.add(requests, bad)
    return evidence


def binomial(dice: random.Random, n: int, p: float) -> int:
    return sum(dice.random() < p for _ in range(n))


@pytest.mark.parametrize(
    ("size", "allowed"), [(1, 0.05), (10, 0.05), (20, 0.01)], ids=["one request", "ten requests", "twenty requests"]
)
def test_a_good_release_is_failed_at_most_as_often_as_alpha_says_however_often_one_looks(
    size: int, allowed: float
) -> None:
    """Ville's inequality: at exactly the allowed failure rate, looking after every block, at most alpha are failed."""
    dice, alpha, releases, length = random.Random(20240611), 0.05, 500, 50
    failed = 0
    for _ in range(releases):
        evidence = Evidence.against(allowed)
        for _ in range(length):
            evidence = evidence.add(size, binomial(dice, size, allowed))
            if evidence.log_wealth >= log(1 / alpha):
                failed += 1
                break
    assert failed <= releases * alpha + 3 * sqrt(releases * alpha * (1 - alpha))


@pytest.mark.parametrize("size", [1, 10, 1000])
def test_requests_that_fail_all_at_once_do_not_fool_the_evidence(size: int) -> None:
    """Inside a block requests may be perfectly correlated: all or nothing at the allowed rate is still a good release."""
    dice, alpha, allowed, releases, length = random.Random(7 + size), 0.05, 0.05, 500, 50
    failed = 0
    for _ in range(releases):
        evidence = Evidence.against(allowed)
        for _ in range(length):
            evidence = evidence.add(size, size if dice.random() < allowed else 0)
            if evidence.log_wealth >= log(1 / alpha):
                failed += 1
                break
    assert failed <= releases * alpha + 3 * sqrt(releases * alpha * (1 - alpha))


@pytest.mark.parametrize("allowed", [0.001, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_every_bet_is_fair_at_the_allowed_rate_and_loses_below_it(allowed: float, n: int) -> None:
    """The expectation of each bet's factor, by enumeration, is 1 at p0 and less below: an e-value."""
    for bet in BETS:
        for p, fair in ((allowed, True), (allowed / 3, False), (0.0, False)):
            expected = sum(
                comb(n, bad) * p**bad * (1 - p) ** (n - bad) * (1 + bet / allowed * (bad / n - allowed))
                for bad in range(n + 1)
            )
            assert expected == pytest.approx(1.0) if fair else expected < 1


@given(ALLOWED, BLOCKS)
def test_the_expected_wealth_after_one_more_block_is_at_most_the_wealth_before(
    allowed: float, blocks: list[tuple[int, int]]
) -> None:
    """From any state the wealth is a supermartingale: one block at the allowed rate does not raise it on average."""
    before = after(Evidence.against(allowed), blocks)
    expected = (1 - allowed) * exp(before.add(1, 0).log_wealth) + allowed * exp(before.add(1, 1).log_wealth)
    assert expected <= exp(before.log_wealth) * (1 + 1e-9)


@given(ALLOWED, BLOCKS, st.integers(0, 39), st.integers(1, 50))
def test_more_bad_requests_never_lower_the_evidence(
    allowed: float, blocks: list[tuple[int, int]], at: int, more: int
) -> None:
    """Turning good requests of any block into bad ones never helps a release."""
    if not blocks:
        return
    at %= len(blocks)
    requests, bad = blocks[at]
    worse = [*blocks[:at], (requests, min(requests, bad + more)), *blocks[at + 1 :]]
    fresh = Evidence.against(allowed)
    assert after(fresh, worse).log_wealth >= after(fresh, blocks).log_wealth - 1e-12


@given(ALLOWED, BLOCKS, st.integers(1, 1000))
def test_a_good_block_never_raises_the_evidence(allowed: float, blocks: list[tuple[int, int]], requests: int) -> None:
    """Successes are never held against a release."""
    state = after(Evidence.against(allowed), blocks)
    assert state.add(requests, 0).log_wealth <= state.log_wealth + 1e-12


@given(ALLOWED, BLOCKS)
def test_a_block_without_requests_says_nothing(allowed: float, blocks: list[tuple[int, int]]) -> None:
    """No data changes nothing, not even the bookkeeping."""
    state = after(Evidence.against(allowed), blocks)
    assert state.add(0, 0) == state


@pytest.mark.parametrize("bad", [0, 10_000_000, 1_000_000_000])
@pytest.mark.parametrize("allowed", [1e-6, 0.01, 0.5])
def test_huge_counts_stay_finite(bad: int, allowed: float) -> None:
    """A billion requests a block, for a thousand blocks, give a number and not an overflow."""
    state = Evidence.against(allowed)
    for _ in range(1000):
        state = state.add(1_000_000_000, bad)
    assert isfinite(state.log_wealth)
    assert isfinite(log_mean([state.log_wealth, Evidence.against(allowed).log_wealth]))


@pytest.mark.parametrize("allowed", [0.0, 1.0, -3.0])
def test_impossible_objectives_are_brought_into_reach(allowed: float) -> None:
    """An objective of 100 % or 0 % still gives finite evidence."""
    assert isfinite(Evidence.against(allowed).add(10, 10).add(10, 0).log_wealth)


def test_nothing_is_lost_or_made_when_every_factor_is_one() -> None:
    """Blocks at exactly the allowed rate win and lose nothing: stakes and cash together stay 1."""
    state = Evidence.against(0.5)
    for _ in range(2000):
        state = state.add(2, 1)
        assert state.log_wealth == pytest.approx(0.0, abs=1e-9)


def test_no_bet_owns_more_than_the_richest_and_none_is_made_richer() -> None:
    """Whatever was won: the sum of all bets is a number, and cutting off only takes away."""
    assert cut_off([0.0, 1.5, RICHEST]) == (0.0, 1.5, RICHEST)
    assert cut_off([0.0, 1.5, 1e300]) == (0.0, 1.5, RICHEST)


def test_the_investments_and_the_cash_left_are_the_initial_one() -> None:
    """What is staked before each block and what is kept sum to 1 at any time; the bets share all of a stake."""
    spent = 0.0
    for block in range(5000):
        assert spent + cash(block) == pytest.approx(1.0)
        spent += investment(block)
    assert sum(PRIOR) == pytest.approx(1.0)


@given(ALLOWED, BLOCKS, BLOCKS)
def test_a_state_that_was_kept_and_restored_goes_on_bit_for_bit(
    allowed: float, first: list[tuple[int, int]], then: list[tuple[int, int]]
) -> None:
    """A worker that takes over from the journal judges exactly as the one that died would have."""
    state = after(Evidence.against(allowed), first)
    restored = KEPT.validate_json(KEPT.dump_json(state))
    assert after(restored, then) == after(state, then)


def test_a_total_failure_after_a_long_good_time_fires_within_a_few_blocks() -> None:
    """A hundred thousand good blocks do not bury a regression."""
    state = after(Evidence.against(0.01), [(100, 0)] * 100_000)
    needed = 0
    while state.log_wealth < log(100):
        state = state.add(100, 100)
        needed += 1
    assert needed <= 6


def test_a_total_failure_from_the_start_fires_within_two_blocks() -> None:
    """The usual broken release is found at the second scrape."""
    state = Evidence.against(0.01).add(10, 10).add(10, 10)
    assert state.log_wealth >= log(100)


@pytest.mark.parametrize(("requests", "bad"), [(1, 2), (-1, 0), (5, -1)])
def test_counts_that_cannot_be_are_refused(requests: int, bad: int) -> None:
    """More bad requests than requests is a mistake of the caller, not evidence."""
    with pytest.raises(ValueError, match="cannot have"):
        Evidence.against(0.01).add(requests, bad)


@settings(max_examples=50)
@given(st.lists(BLOCKS, min_size=1, max_size=4))
def test_metrics_together_have_the_mean_of_their_wealth(many: list[list[tuple[int, int]]]) -> None:
    """One error budget for all metrics: their evidence is averaged, so that it stays an e-process under any dependence."""
    parts = [after(Evidence.against(0.05), blocks) for blocks in many]
    assert exp(log_mean([part.log_wealth for part in parts])) == pytest.approx(
        sum(exp(part.log_wealth) for part in parts) / len(parts), rel=1e-6
    )


def test_no_metrics_are_no_evidence() -> None:
    """Nothing to judge by is evidence of nothing."""
    assert log_mean([]) == 0.0


@given(ALLOWED, BLOCKS)
def test_the_counts_are_kept_beside_the_evidence(allowed: float, blocks: list[tuple[int, int]]) -> None:
    """Requests, bad ones and blocks are what was given, for the guards and for people."""
    state = after(Evidence.against(allowed), blocks)
    assert (state.requests, state.bad) == (sum(n for n, _ in blocks), sum(f for _, f in blocks))
    assert state.blocks == sum(n > 0 for n, _ in blocks)


def test_the_bets_rise_and_stay_below_ruin() -> None:
    """A bet of the whole wealth could be lost for good in one good block."""
    assert all(low < high for low, high in pairwise(BETS))
    assert 0 < BETS[0] < BETS[-1] < 1
