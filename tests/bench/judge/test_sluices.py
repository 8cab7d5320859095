"""The bench judges by the product's arithmetic, and what else is tried keeps its error rate."""

from __future__ import annotations

from math import comb, log

import numpy as np
import pytest

from bench.judge.judges import bets, singles, sluices
from bench.judge.judges.candidates import CANDIDATES, no_brake
from bench.judge.judges.singles import by_request, dispersion, seconds
from bench.judge.judges.sluices import RULES, Rule, absolute, interleaved, judge, relative
from bench.judge.shapes import Shape
from bench.judge.streams import ALLOWED, METRICS, Half, Scenario, Streams, generate
from sluice.judge import state as scalar_state
from sluice.judge.bets import blocks as scalar
from sluice.judge.bets import single as scalar_requests
from sluice.judge.bets import wealth
from sluice.judge.bets.against_primary import GREATEST_WIN, RATIOS, Control
from sluice.judge.bets.blocks import Evidence
from sluice.judge.bets.single import RequestEvidence
from sluice.judge.policy import LEAST_BAD, LEAST_BAD_BLOCKS, TIER, Policy
from sluice.judge.rule import failing
from sluice.judge.state import JudgeState
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures.counts import Counts
from sluice.measures.objective import Objective
from tests.samples import duration, success_rate
from tests.sluice.judge.traffic import with_counts

ALPHA = 0.001
OBJECTIVES = [Objective.of(CanaryMetric.model_validate(one)) for one in (success_rate(99), duration(500))]
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
    assert (bets.BETS, bets.PRIOR, bets.FIRST_STAKE) == (scalar.BETS, scalar.PRIOR, scalar.FIRST)
    assert (singles.EXCESS, singles.PLAN.prior) == (scalar_requests.EXCESS, scalar_requests.PRIOR)
    assert singles.PLAN.first == scalar_requests.FIRST
    names = ("BRAKE", "BRAKE_A_SECOND", "BRAKE_BLOCKS", "LONGEST", "MOST_NATS", "TRUST", "CHANCE")
    assert [getattr(singles, name) for name in names] == [getattr(scalar_requests, name) for name in names]
    assert (sluices.ON_BLOCKS, sluices.TIER) == (scalar_state.ON_BLOCKS, TIER)
    assert (sluices.ODDS, sluices.RELATIVE_CAP) == (RATIOS, GREATEST_WIN)
    assert (sluices.RELATIVE_PLAN.first, sluices.RELATIVE_PLAN.span) == (wealth.FIRST_STAKE, wealth.INVESTMENT_SPAN)
    assert bets.HIGHEST == wealth.RICHEST
    assert (sluices.LEAST_BAD, sluices.LEAST_BAD_BLOCKS) == (LEAST_BAD, LEAST_BAD_BLOCKS)
    assert Policy().scrape_period == singles.FIRST_SECONDS


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
            if wealth.log_mean([turn.log_wealth for turn in turns]) > NEAR_THE_CUT:
                break
            assert log(found[block]) == pytest.approx(wealth.log_mean([turn.log_wealth for turn in turns]), abs=1e-9)


@each_scenario
def test_the_evidence_of_single_requests_is_the_products_after_every_block(scenario: Scenario) -> None:
    """With the dispersion and the brake, whose start hangs on how long each block lasted."""
    streams = drawn(scenario)
    lasted = seconds(streams)
    for metric, found in enumerate(by_request(streams)):
        for release in range(len(found)):
            state = RequestEvidence(ALLOWED)
            for block, (n, f) in enumerate(blocks(streams, release, metric)):
                state = state.add(n, f, float(lasted[release, block]))
                if state.log_wealth > NEAR_THE_CUT:
                    break
                assert log(found[release, block]) == pytest.approx(state.log_wealth, abs=1e-9)


@each_scenario
@pytest.mark.parametrize("design_effect", [1.0, 2.0])
def test_the_comparison_is_the_products_after_every_block(scenario: Scenario, design_effect: float) -> None:
    streams = drawn(scenario)
    for metric, found in enumerate(relative(streams, design_effect)):
        canary, primary = streams.canary, streams.primary
        for release in range(len(found)):
            state = Control()
            for block in range(found.shape[1]):
                state = state.add(
                    (int(canary.requests[release, block]), int(canary.bad[metric][release, block])),
                    (int(primary.requests[release, block]), int(primary.bad[metric][release, block])),
                    design_effect=design_effect,
                )
                if state.log_wealth > NEAR_THE_CUT:
                    break
                assert log(found[release, block]) == pytest.approx(state.log_wealth, abs=1e-9)


@pytest.mark.parametrize("rule", ["sluice", "interleaved", "no primary"])
@pytest.mark.parametrize("scenario", [one for one in SCENARIOS.values() if one.rps > 1])
def test_a_release_is_rolled_back_at_the_scrape_at_which_the_product_would(scenario: Scenario, rule: str) -> None:
    """The judge's whole memory and its gate: one budget for both metrics, and the guards on the worst one.

    Where hardly anything comes they differ: the product leaves out what the primary has while the canary is silent.
    """
    releases = 12
    streams = drawn(scenario, releases)
    at = judge(streams, RULES[rule](streams, ALPHA), ALPHA)
    for release in range(releases):
        assert at[release] == told_apart(
            streams, release, Policy(interleave=rule == "interleaved"), rule != "no primary"
        )


def told_apart(streams: Streams, release: int, policy: Policy, compares: bool) -> float:
    """Second at which the product fails a release by what each scrape adds; infinity where it does not."""
    state = JudgeState(revision="r", since=0.0, weight=10)
    upto = [
        [np.cumsum(one[release]) for one in (half.requests, *half.bad)] for half in (streams.canary, streams.primary)
    ]
    for block, second in enumerate(streams.times[release].tolist()):
        if not streams.canary.requests[release, block]:
            continue
        for metric, objective in enumerate(OBJECTIVES):
            canary, primary = (Counts(int(half[0][block]), int(half[1 + metric][block])) for half in upto)
            state = with_counts(state, objective, canary, primary if compares else None, 1e9 + second, policy)
        if failing(state, [one.metric.name for one in OBJECTIVES], policy):
            return float(second)
    return np.inf


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


@pytest.mark.parametrize("rule", [no_brake, by_request], ids=["without a brake", "braked"])
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


@pytest.mark.parametrize("name", [*RULES, *CANDIDATES])
def test_no_rule_takes_back_a_good_release_more_often_than_its_error_rate(name: str) -> None:
    """With the primary as good as the canary and both exactly at the objective: at most alpha, by a wide margin here."""
    alpha, releases = 0.05, 300
    streams = generate(Scenario.good(20, ALLOWED), releases, np.random.default_rng(5))
    rule = (RULES | CANDIDATES)[name]

    rolled_back = np.isfinite(judge(streams, rule(streams, alpha), alpha)).mean()

    assert rolled_back <= alpha + 3 * (alpha * (1 - alpha) / releases) ** 0.5


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
