"""The evidence for a revision: what its mathematics promises, tried."""

from __future__ import annotations

import random
from math import comb, exp, isfinite, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.judge.bets.assurance import Assurance
from tests.sluice.judge.traffic import binomial

ENOUGH = log(20)
BLOCKS = st.lists(st.integers(0, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), max_size=20)


def after(blocks: list[tuple[int, int]]) -> Assurance:
    state = Assurance()
    for requests, bad in blocks:
        state = state.add(requests, bad)
    return state


@pytest.mark.parametrize("effect", [1.0, 2.0])
@pytest.mark.parametrize("bound", [0.001, 0.01, 0.2, 0.5])
def test_its_expectation_is_at_most_one_at_the_bound_and_beyond_by_enumeration(bound: float, effect: float) -> None:
    """An e-value of "at least the bound is bad": exactly 1 at the bound when each request stands for itself."""
    for n in (1, 5, 40):
        for p in (bound, (1 + bound) / 2, 1.0):
            expected = sum(
                comb(n, bad) * p**bad * (1 - p) ** (n - bad) * exp(Assurance(1, n, bad).log_wealth(bound, effect))
                for bad in range(n + 1)
            )
            assert expected <= 1 + 1e-9
            if p == bound and effect == 1.0:
                assert expected == pytest.approx(1.0)


def test_at_the_bound_a_step_passes_at_most_as_often_as_beta_says_however_often_one_looks() -> None:
    """Exactly at the bound, looking after every block: at most 5 % of such steps ever pass."""
    dice, bound, steps, length = random.Random(5), 0.05, 600, 40
    passed = 0
    for _ in range(steps):
        state = Assurance()
        for _ in range(length):
            state = state.add(10, binomial(dice, 10, bound))
            if state.log_wealth(bound) >= ENOUGH:
                passed += 1
                break
    assert passed <= steps * 0.05 + 3 * sqrt(steps * 0.05 * 0.95)


@settings(max_examples=50)
@given(BLOCKS, st.integers(0, 19), st.integers(1, 50))
def test_more_bad_requests_never_raise_it(blocks: list[tuple[int, int]], at: int, more: int) -> None:
    """The assurance points in one direction."""
    if blocks:
        at %= len(blocks)
        requests, bad = blocks[at]
        worse = [*blocks[:at], (requests, min(requests, bad + more)), *blocks[at + 1 :]]
        assert after(worse).log_wealth(0.01) <= after(blocks).log_wealth(0.01) + 1e-9


@settings(max_examples=50)
@given(BLOCKS, st.randoms())
def test_only_the_step_s_counts_matter_not_their_order_or_how_they_were_cut(
    blocks: list[tuple[int, int]], dice: random.Random
) -> None:
    """Any order of blocks, and all of them as one, give the same to the last bit."""
    shuffled = list(blocks)
    dice.shuffle(shuffled)
    whole = Assurance().add(sum(n for n, _ in blocks), sum(f for _, f in blocks))
    assert after(blocks).log_wealth(0.01) == after(shuffled).log_wealth(0.01) == whole.log_wealth(0.01)


@pytest.mark.parametrize(
    ("fraction", "margin", "effect", "low", "high"),
    [
        pytest.param(0.0, 0.0, 1.0, 300, 460, id="nothing fails"),
        pytest.param(0.0, 0.0, 2.0, 600, 920, id="nothing fails, and two requests count as one"),
        pytest.param(0.0, 0.5, 1.0, 200, 310, id="nothing fails, with a margin of half"),
        pytest.param(0.005, 0.0, 1.0, 1900, 3000, id="half of what is allowed fails"),
    ],
)
def test_how_many_requests_it_takes(fraction: float, margin: float, effect: float, low: int, high: int) -> None:
    """About 380 requests without a failure show one percent at error rate 5 %; the nearer to the bound, the more.

    The failures are spread evenly here: where chance deals them, half of all steps need less.
    """
    needed = next(
        n
        for n in range(1, 10_000)
        if Assurance(1, n, round(n * fraction)).log_wealth(0.01 * (1 + margin), effect) >= ENOUGH
    )
    assert low <= needed <= high


@pytest.mark.parametrize("bad", [0, 10_000_000, 1_000_000_000])
@pytest.mark.parametrize("bound", [1e-6, 0.01, 0.5])
def test_huge_counts_stay_finite(bad: int, bound: float) -> None:
    """A billion requests give a number and not an overflow."""
    assert isfinite(Assurance(1, 10**9, bad).log_wealth(bound))


def test_nothing_seen_is_no_assurance() -> None:
    """No requests are no evidence, and no block."""
    assert Assurance().add(0, 0) == Assurance()
    assert Assurance().log_wealth(0.01) == pytest.approx(0.0)
