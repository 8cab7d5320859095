"""The bench judges by the product's arithmetic, and what else is tried keeps its error rate."""

from __future__ import annotations

from itertools import pairwise
from math import comb, log

import numpy as np
import pytest

from bench.judge import bets
from bench.judge.candidates import CANDIDATES, EXCESS, braked, careful, dispersion
from bench.judge.shapes import Shape
from bench.judge.sluices import RULES, Rule, absolute, interleaved, judge, relative
from bench.judge.streams import ALLOWED, METRICS, Half, Scenario, Streams, generate
from sluice.judge import evidence as scalar
from sluice.judge.evidence import Evidence, together

ALPHA = 0.001
NEAR_THE_CUT = log(bets.HIGHEST) - 20
"""The bench cuts wealth off where every verdict fell long before; what comes after that need not be the same."""
SCENARIOS = {
    "steady": Scenario.good(10, 0.005),
    "hardly any traffic": Scenario(rps=0.2, failure=0.2),
    "a bad release": Scenario(rps=100, failure=0.03),
    "bursts": Scenario.good(30, 0.001, Shape.BURSTS),
    "outage, missed scrapes, restarts": Scenario(
        rps=10, failure=0.005, shape=Shape.OUTAGE, missed=0.3, restarts=4, scrape=5
    ),
}
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


def drawn(scenario: Scenario, releases: int = 6) -> Streams:
    return generate(scenario, releases, np.random.default_rng(20240611))


def blocks(streams: Streams, release: int, metric: int = 0) -> list[tuple[int, int]]:
    canary = streams.canary
    pairs = zip(canary.requests[release].tolist(), canary.bad[metric][release].tolist(), strict=True)
    return list(pairs)


def test_the_numbers_are_the_products() -> None:
    assert (bets.BETS, bets.PRIOR) == (scalar.BETS, scalar.PRIOR)


@each_scenario
def test_the_evidence_is_the_products_after_every_block(scenario: Scenario) -> None:
    """To 1e-9 in the logarithm, as long as the wealth is below where the bench cuts it off."""
    streams = drawn(scenario)
    for metric, found in enumerate(absolute(streams)):
        for release in range(len(found)):
            state = Evidence.against(ALLOWED)
            for block, (n, f) in enumerate(blocks(streams, release, metric)):
                state = state.add(n, f)
                if state.log_wealth > NEAR_THE_CUT:
                    break
                assert log(found[release, block]) == pytest.approx(state.log_wealth, abs=1e-9)


@each_scenario
def test_interleaved_evidence_is_the_mean_of_two_that_take_turns(scenario: Scenario) -> None:
    streams = drawn(scenario)
    for release, found in enumerate(interleaved(streams)[0]):
        turns = [Evidence.against(ALLOWED), Evidence.against(ALLOWED)]
        for block, (n, f) in enumerate(blocks(streams, release)):
            if n:
                turns = [turns[1], turns[0].add(n, f)]
            if together(turns) > NEAR_THE_CUT:
                break
            assert log(found[block]) == pytest.approx(together(turns), abs=1e-9)


@each_scenario
@pytest.mark.parametrize("design_effect", [1.0, 2.0])
def test_the_comparison_is_the_products_after_every_block(scenario: Scenario, design_effect: float) -> None:
    product = pytest.importorskip("sluice.judge.comparison", reason="the product compares with the primary later")
    streams = drawn(scenario)
    for metric, found in enumerate(relative(streams, design_effect)):
        canary, primary = streams.canary, streams.primary
        for release in range(len(found)):
            state = product.Comparison()
            for block in range(found.shape[1]):
                state = state.add(
                    (int(canary.requests[release, block]), int(canary.bad[metric][release, block])),
                    (int(primary.requests[release, block]), int(primary.bad[metric][release, block])),
                    design_effect=design_effect,
                )
                if state.log_wealth > NEAR_THE_CUT:
                    break
                assert log(found[release, block]) == pytest.approx(state.log_wealth, abs=1e-9)


@each_scenario
def test_a_release_is_taken_back_at_the_scrape_at_which_the_product_would(scenario: Scenario) -> None:
    """One budget for both metrics, and the guards of three bad requests in two blocks of the worst one."""
    streams = drawn(scenario, 30)
    at = judge(streams, absolute(streams), ALPHA)
    for release in range(30):
        states = [Evidence.against(ALLOWED)] * METRICS
        expected = np.inf
        for block in range(streams.times.shape[1]):
            states = [state.add(*blocks(streams, release, m)[block]) for m, state in enumerate(states)]
            worst = max(states, key=lambda state: state.log_wealth)
            if together(states) >= log(1 / ALPHA) and worst.bad >= 3 and worst.bad_blocks >= 2:
                expected = streams.times[release, block]
                break
        assert at[release] == expected


def test_investments_and_cash_are_one() -> None:
    plan = bets.Plan(first=0.9, span=40)
    number = np.arange(500.0)
    spent = np.cumsum(plan.invested(number))

    assert spent + plan.cash(number + 1) == pytest.approx(1)


def test_evidence_of_a_comparison_is_fair_when_both_fail_alike() -> None:
    """The expectation of a block's factors, by enumeration of which of the bad requests are the canary's, is at most 1."""
    n, m, bad = 3, 7, 4
    expected = np.zeros(1)
    for f in range(min(n, bad) + 1):
        chance = comb(n, f) * comb(m, bad - f) / comb(n + m, bad)
        half = Half(np.array([[n]]), (np.array([[f]]),) * METRICS)
        other = Half(np.array([[m]]), (np.array([[bad - f]]),) * METRICS)
        streams = Streams(SCENARIOS["steady"], np.array([[2]]), half, other, ())
        expected += chance * relative(streams)[0][0, 0]
    assert expected[0] <= 1 + 1e-12


@pytest.mark.parametrize("rule", [careful, braked], ids=["careful", "braked"])
@pytest.mark.parametrize("before", [(0, 0), (40, 0), (40, 30)], ids=["nothing", "a good block", "a burst"])
def test_factors_of_requests_are_fair_whatever_came_before(before: tuple[int, int], rule: Rule) -> None:
    """Dividing what a block wins by a dispersion that knows this very block must not turn the bet in its own favour."""
    n = 12
    expected = sum(
        comb(n, f) * ALLOWED**f * (1 - ALLOWED) ** (n - f) * _told(rule, [before, (n, f)])[-1] for f in range(n + 1)
    )
    assert expected <= _told(rule, [before])[-1] + 1e-12


def test_a_burst_raises_the_dispersion_and_a_steady_failure_does_not() -> None:
    steady, burst = np.array([[20] * 10]), np.array([[0] * 9 + [60]])
    requests = np.full((1, 10), 1000)

    assert dispersion(requests, steady)[0, -1] < 1.5
    assert dispersion(requests, burst)[0, -1] > 10


def test_the_bets_on_requests_rise() -> None:
    assert all(low < high for low, high in pairwise((1.0, *EXCESS)))


@pytest.mark.parametrize("name", [*RULES, *CANDIDATES])
def test_no_rule_takes_back_a_good_release_more_often_than_its_error_rate(name: str) -> None:
    """With the primary as good as the canary and both exactly at the objective: at most alpha, by a wide margin here."""
    alpha, releases = 0.05, 300
    streams = generate(Scenario.good(20, ALLOWED), releases, np.random.default_rng(5))
    rule = (RULES | CANDIDATES)[name]

    taken_back = np.isfinite(judge(streams, rule(streams, alpha), alpha)).mean()

    assert taken_back <= alpha + 3 * (alpha * (1 - alpha) / releases) ** 0.5


@pytest.mark.parametrize("name", [*RULES, *CANDIDATES])
def test_every_rule_takes_back_a_release_that_fails_altogether(name: str) -> None:
    streams = generate(Scenario(rps=10, failure=1.0), 20, np.random.default_rng(5))
    rule = (RULES | CANDIDATES)[name]

    assert (judge(streams, rule(streams, ALPHA), ALPHA) <= 20).all()


def test_no_wealth_overflows() -> None:
    streams = generate(Scenario(rps=10_000, failure=1.0), 2, np.random.default_rng(5))

    for rule in (RULES | CANDIDATES).values():
        assert all(np.isfinite(found).all() for found in rule(streams, ALPHA))


def _told(rule: Rule, told: list[tuple[int, int]]) -> list[float]:
    n, f = (np.array([column]) for column in zip(*told, strict=True))
    half = Half(n, (f,) * METRICS)
    streams = Streams(SCENARIOS["steady"], np.array([[2 * i for i in range(len(told))]]), half, half, ())
    return [float(found) for found in rule(streams, ALPHA)[0][0]]
