"""The evidence of single requests: an e-value where they are independent, and slow where they fail in bursts."""

from __future__ import annotations

import random
from itertools import pairwise
from math import comb, exp, isfinite, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from sluice.judge.bets.single import (
    BRAKE,
    BRAKE_A_SECOND,
    EXCESS,
    FIRST,
    LONGEST,
    MOST_NATS,
    PRIOR,
    RequestEvidence,
    dispersion,
)
from tests.sluice.judge.traffic import binomial

KEPT = TypeAdapter(RequestEvidence)
ALLOWED = st.sampled_from([1e-6, 1e-3, 0.01, 0.1, 0.5])
BLOCKS = st.lists(
    st.integers(0, 500).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.sampled_from([2.0, 5.0, 60.0]))),
    max_size=25,
)


def after(allowed: float, blocks: list[tuple[int, int, float]]) -> RequestEvidence:
    state = RequestEvidence(allowed)
    for block in blocks:
        state = state.add(*block)
    return state


@pytest.mark.parametrize(("size", "allowed"), [(1, 0.05), (10, 0.05), (20, 0.01)])
def test_independent_requests_at_the_bound_are_failed_at_most_as_often_as_alpha_says(size: int, allowed: float) -> None:
    """Ville's inequality, with a look after every block."""
    dice, alpha, releases, length = random.Random(31 + size), 0.05, 300, 40
    failed = 0
    for _ in range(releases):
        state = RequestEvidence(allowed)
        for _ in range(length):
            state = state.add(size, binomial(dice, size, allowed), 2.0)
            if state.log_wealth >= log(1 / alpha):
                failed += 1
                break
    assert failed <= releases * alpha + 3 * sqrt(releases * alpha * (1 - alpha))


@settings(max_examples=60)
@given(ALLOWED, BLOCKS, st.integers(1, 25), st.floats(0, 1))
def test_one_more_block_of_independent_requests_does_not_raise_the_wealth_on_average(
    allowed: float, blocks: list[tuple[int, int, float]], n: int, share: float
) -> None:
    """From any state, at the allowed rate or below, by enumeration: dispersion, brake and cap only take away."""
    before, p = after(allowed, blocks), allowed * share
    expected = sum(
        comb(n, bad) * p**bad * (1 - p) ** (n - bad) * exp(before.add(n, bad, 2.0).log_wealth - before.log_wealth)
        for bad in range(n + 1)
    )
    assert expected <= 1 + 1e-9


@settings(max_examples=60)
@given(ALLOWED, BLOCKS, BLOCKS)
def test_a_state_that_was_kept_and_restored_goes_on_bit_for_bit(
    allowed: float, first: list[tuple[int, int, float]], then: list[tuple[int, int, float]]
) -> None:
    """A worker that takes over from the journal judges exactly as the one that died would have; nothing grows meanwhile."""
    state = after(allowed, first)
    _ = state.log_wealth
    restored = KEPT.validate_json(KEPT.dump_json(state))
    assert restored == state
    for block in then:
        state, restored = state.add(*block), restored.add(*block)
    assert restored == state
    assert restored.log_wealth == state.log_wealth
    assert len(state.owned) == len(state.usual) == len(EXCESS)


@settings(max_examples=60)
@given(ALLOWED, BLOCKS, st.integers(1, 500), st.floats(0, 3600))
def test_no_block_wins_more_than_the_brake_lets_it(
    allowed: float, blocks: list[tuple[int, int, float]], n: int, seconds: float
) -> None:
    """However many of its requests fail, and however long ago the last block was."""
    state = after(allowed, blocks)
    most = max(BRAKE, BRAKE_A_SECOND * LONGEST) + max(0.0, *state.usual)
    assert state.add(n, n, seconds).log_wealth <= state.log_wealth + min(most, MOST_NATS) + 1e-9


@settings(max_examples=40)
@given(ALLOWED, BLOCKS, st.integers(1, 500))
def test_good_requests_never_speak_against_a_release(
    allowed: float, blocks: list[tuple[int, int, float]], n: int
) -> None:
    """A block without bad requests lowers the wealth; one without requests changes nothing."""
    state = after(allowed, blocks)
    assert state.add(n, 0, 2.0).log_wealth <= state.log_wealth + 1e-12
    assert state.add(0, 0, 2.0) is state


def test_a_burst_wins_less_than_the_same_failures_spread_evenly() -> None:
    """Sixty bad of a thousand: all at once they are one event, spread over ten blocks a tripled failure rate."""
    steady = after(0.01, [(100, 6, 2.0)] * 10)
    burst = after(0.01, [(100, 0, 2.0)] * 9 + [(100, 60, 2.0)])
    assert steady.log_wealth > log(1000) > 100 * burst.log_wealth


def test_requests_that_fail_one_by_one_are_not_dispersed_and_a_burst_is() -> None:
    assert dispersion(0.01, 10, 1000, 20, 10 * 2 * 2 / 100) < 1.5
    assert dispersion(0.01, 10, 1000, 60, 60 * 60 / 100) > 10


def test_dispersion_that_chance_explains_costs_nothing() -> None:
    """Counts of ten blocks may differ by half more than those of independent requests do on average, and win in full."""
    blocks, nats = [(100, bad, 2.0) for bad in (0, 4, 0, 4, 1, 4, 0, 4, 1, 4)], 0.0
    share = EXCESS[0] * 0.01 / (1 + (EXCESS[0] - 1) * 0.01)
    for n, bad, _ in blocks:
        nats += bad * log(share / 0.01) + (n - bad) * log((1 - share) / 0.99)
    state = after(0.01, blocks)
    assert state.spread > 1.3
    assert log(state.owned[0]) == pytest.approx(log(PRIOR[0] * FIRST) + nats, abs=0.02)


def test_a_small_excess_of_many_requests_shows_within_seconds() -> None:
    """Twice the allowed share at a hundred requests a second: in expectation within twenty blocks of two seconds."""
    state, blocks = RequestEvidence(0.01), 0
    while state.log_wealth < log(1000):
        state, blocks = state.add(200, 4, 2.0), blocks + 1
    assert blocks <= 20


def test_a_failure_after_an_hour_of_good_traffic_is_not_buried() -> None:
    """The bets that lost are dead, the investments are not."""
    state, blocks = after(0.01, [(20, 0, 2.0)] * 1800), 0
    while state.log_wealth < log(1000):
        state, blocks = state.add(20, 10, 2.0), blocks + 1
    assert blocks <= 10


@pytest.mark.parametrize("bad", [0, 10_000_000, 1_000_000_000])
def test_huge_counts_stay_finite(bad: int) -> None:
    """A billion requests a block give a number and not an overflow."""
    state = after(1e-6, [(10**9, bad, 2.0), (1, 1, 2.0)] * 100)
    assert isfinite(state.log_wealth)


def test_the_bets_rise_and_share_all_of_a_stake() -> None:
    """A bet on the allowed odds or less would speak for the release."""
    assert all(low < high for low, high in pairwise((1.0, *EXCESS)))
    assert sum(PRIOR) == pytest.approx(1.0)
