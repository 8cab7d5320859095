"""The primary as control of the canary: what its mathematics promises, tried."""

from __future__ import annotations

import random
from math import comb, exp, isfinite, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from sluice.judge.bets.against_primary import GREATEST_WIN, RATIOS, Control
from sluice.judge.bets.wealth import FIRST_STAKE, cash
from tests.sluice.judge.traffic import Block, binomial

KEPT = TypeAdapter(Control)
UNCAPPED = 500.0
"""More nats than any of these blocks wins, but for the huge ones."""
COUNT = st.integers(0, 300)
BLOCKS = st.lists(
    st.tuples(COUNT, COUNT, COUNT, COUNT).map(lambda four: (four[0], min(four[:2]), four[2], min(four[2:]))),
    max_size=15,
)


def add(
    state: Control, block: Block, greatest: float = GREATEST_WIN, effect: float = 1.0, ratio: float = 1.0
) -> Control:
    n, f, m, g = block
    return state.add((n, f), (m, g), effect, ratio, greatest)


def after(blocks: list[Block], **kwargs: float) -> Control:
    state = Control()
    for block in blocks:
        state = add(state, block, **kwargs)
    return state


def tables(n: int, m: int, s: int, odds: float) -> dict[int, float]:
    """Fisher's noncentral hypergeometric distribution of f, the canary's share of s bad requests."""
    ways = {f: comb(n, f) * comb(m, s - f) * odds**f for f in range(max(0, s - m), min(n, s) + 1)}
    return {f: one / sum(ways.values()) for f, one in ways.items()}


@pytest.mark.parametrize("odds", [1.0, 1.5, 3.0])
@pytest.mark.parametrize("effect", [1.0, 2.0])
def test_every_block_is_fair_or_worse_for_the_bets_by_enumeration(odds: float, effect: float) -> None:
    """Whatever both sides' common level is: given the bad requests of a block, the expected wealth does not rise."""
    for n in (1, 2, 5, 12):
        for m in (1, 3, 9, 20):
            for s in range(n + m + 1):
                for true in (odds, odds / 2, 0.01):
                    expected = sum(
                        p * exp(add(Control(), (n, f, m, s - f), UNCAPPED, effect, odds).log_wealth)
                        for f, p in tables(n, m, s, true).items()
                    )
                    assert expected <= 1 + 1e-9


@settings(max_examples=50)
@given(BLOCKS, st.integers(1, 30), st.integers(1, 30), st.data())
def test_the_expected_wealth_after_one_more_block_is_at_most_the_wealth_before(
    blocks: list[Block], n: int, m: int, data: st.DataObject
) -> None:
    """From any state it is a supermartingale, with the cap on a block too."""
    state = after(blocks)
    s = data.draw(st.integers(0, n + m))
    expected = sum(p * exp(add(state, (n, f, m, s - f)).log_wealth) for f, p in tables(n, m, s, 1.0).items())
    assert expected <= exp(state.log_wealth) * (1 + 1e-9)


@settings(max_examples=50)
@given(BLOCKS, st.integers(0, 24), st.integers(1, 50))
def test_more_bad_requests_of_the_canary_never_lower_it_and_of_the_primary_never_raise_it(
    blocks: list[Block], at: int, more: int
) -> None:
    """The control points in one direction, whenever the requests come."""
    if not blocks:
        return
    at %= len(blocks)
    n, f, m, g = blocks[at]
    worse = [*blocks[:at], (n, min(n, f + more), m, g), *blocks[at + 1 :]]
    excused = [*blocks[:at], (n, f, m, min(m, g + more)), *blocks[at + 1 :]]
    wealth = after(blocks).log_wealth
    assert after(worse).log_wealth >= wealth - 1e-9
    assert after(excused).log_wealth <= wealth + 1e-9


@settings(max_examples=50)
@given(BLOCKS, st.integers(1, 300))
def test_good_requests_never_speak_against_the_canary(blocks: list[Block], more: int) -> None:
    """More successes of the canary in a block never raise what is held against it."""
    for number, (n, f, m, g) in enumerate(blocks):
        better = [*blocks[:number], (n + more, f, m, g), *blocks[number + 1 :]]
        assert n == 0 or after(better).log_wealth <= after(blocks).log_wealth + 1e-9


@settings(max_examples=50)
@given(BLOCKS, st.integers(0, 100))
def test_without_requests_to_one_side_there_is_no_control(blocks: list[Block], requests: int) -> None:
    """A silent side is no better and no worse than the other."""
    state = after(blocks)
    assert add(state, (requests, requests, 0, 0)) == add(state, (0, 0, requests, requests)) == state


@settings(max_examples=50)
@given(BLOCKS)
def test_blocks_in_which_nothing_failed_win_and_lose_nothing(blocks: list[Block]) -> None:
    """Their investments are made up for with the next block in which something failed: the wealth is the same."""
    state = after(blocks)
    quiet = state
    for _ in range(7):
        quiet = add(quiet, (10, 0, 90, 0))
    assert quiet.log_wealth == state.log_wealth
    assert quiet.blocks == state.blocks + 7
    caught_up = add(quiet, (50, 1, 50, 1), UNCAPPED)
    assert caught_up.staked == caught_up.blocks
    assert isfinite(caught_up.log_wealth)


def test_what_is_staked_and_what_is_cash_are_the_initial_one() -> None:
    """With nothing won, stakes and cash sum to 1 however many blocks are caught up at once."""
    state = Control()
    for number in range(2000):
        failed = 1 if number % 7 == 0 else 0
        state = add(state, (1, failed, 10**12, 0), 0.0)  # a cap of 0 on what is always won
        assert exp(state.log_wealth) == pytest.approx(1.0)
    assert cash(state.staked) < 1 - FIRST_STAKE


@pytest.mark.parametrize("bad", [0, 10_000_000, 1_000_000_000])
def test_huge_counts_stay_finite(bad: int) -> None:
    """A billion requests a block give a number and not an overflow."""
    state = after([(10**9, bad, 10**9, 10**9 - bad), (10**9, bad, 1, 0), (1, 1, 10**9, bad)] * 100, greatest=UNCAPPED)
    assert isfinite(state.log_wealth)


def test_what_failed_alone_in_its_block_did_not_fail_as_one_of_several() -> None:
    """A design effect of a hundred takes nothing from a single bad request, and shares out no more than there were."""
    assert after([(1, 1, 9, 0)], effect=100.0) == after([(1, 1, 9, 0)])
    assert after([(5, 3, 90, 0)], effect=100.0) == after([(5, 3, 90, 0)], effect=3.0)
    assert after([(50, 3, 90, 0)], effect=2.0).log_wealth < after([(50, 3, 90, 0)]).log_wealth


def test_one_block_wins_no_more_than_the_cap() -> None:
    """Scrapes of the sides may lie some moments apart when both begin to fail: one such block must not decide."""
    state = after([(1000, 1000, 9000, 0)])
    assert GREATEST_WIN < log(1000) < 2 * GREATEST_WIN + log(FIRST_STAKE / len(RATIOS))
    assert state.log_wealth < GREATEST_WIN < log(1000)


@pytest.mark.parametrize(("weight", "most"), [(1, 2), (10, 2), (50, 3), (90, 9)], ids=["1 %", "10 %", "50 %", "90 %"])
def test_a_canary_that_alone_fails_is_told_apart_within_blocks(weight: int, most: int) -> None:
    """Half of the canary's requests fail and one in a thousand of the primary's: the less it weighs, the sooner it shows."""
    state, needed = Control(), 0
    n, m = 10 * weight, 10 * (100 - weight)
    while state.log_wealth < log(1000):
        state = add(state, (n, n // 2, m, m // 1000), effect=2.0)
        needed += 1
    assert needed <= most


@pytest.mark.parametrize(
    "shape", ["steady", "outages", "all at once", "rising"], ids=lambda shape: str(shape).replace(" ", "-")
)
def test_what_both_halves_suffer_alike_is_the_canary_s_fault_at_most_as_often_as_alpha_says(shape: str) -> None:
    """Any common level from block to block; looking after each, at most alpha of such releases are found worse."""
    dice, alpha, releases, length = random.Random(len(shape)), 0.05, 250, 40
    failed = 0
    for _ in range(releases):
        state = Control()
        for number in range(length):
            level = {
                "steady": 0.1,
                "outages": dice.choice((0.01, 0.9)),
                "all at once": 1.0 if dice.random() < 0.2 else 0.0,
                "rising": number / length,
            }[shape]
            state = add(state, (6, binomial(dice, 6, level), 20, binomial(dice, 20, level)))
            if state.log_wealth >= log(1 / alpha):
                failed += 1
                break
    assert failed <= releases * alpha + 3 * sqrt(releases * alpha * (1 - alpha))


@settings(max_examples=50)
@given(BLOCKS, BLOCKS)
def test_a_state_that_was_kept_and_restored_goes_on_bit_for_bit(first: list[Block], then: list[Block]) -> None:
    """A worker that takes over from the journal compares exactly as the one that died would have."""
    state = after(first)
    restored = KEPT.validate_json(KEPT.dump_json(state))
    for block in then:
        state, restored = add(state, block), add(restored, block)
    assert restored == state


def test_the_bets_are_on_odds_above_those_allowed_and_rise() -> None:
    """A bet on odds of 1 or less would speak for the canary, and the control would no longer point in one direction."""
    assert sorted(RATIOS) == list(RATIOS)
    assert RATIOS[0] > 1
