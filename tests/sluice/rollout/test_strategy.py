"""The table of strategies: what every plan keeps, and which plan a manifest gets."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.rollout.strategies.base import Step, Strategy, Traffic
from sluice.rollout.strategy import STRATEGIES, plan, step_at, strategy_of

ASKED: dict[str, list[dict[str, Any]]] = {
    "canary": [{"stepWeight": 10, "maxWeight": 50}, {"stepWeights": [1, 2, 100]}, {"stepWeight": 30}],
    "blue/green": [{"iterations": 1}, {"iterations": 10, "stepWeight": 5}],
}
CASES = [pytest.param(one, asked, id=f"{one.name} {asked}") for one in STRATEGIES for asked in ASKED[one.name]]


@pytest.mark.parametrize(("strategy", "asked"), CASES)
def test_every_plan_is_one_that_can_be_carried_out(strategy: Strategy, asked: dict[str, Any]) -> None:
    """At least one step, each judged at least once, each with a share that exists."""
    analysis = CanaryAnalysis.model_validate(asked)
    assert strategy_of(analysis) is strategy
    steps = strategy.plan(analysis)
    assert steps == plan(analysis)
    assert steps
    for step in steps:
        assert step.repeat >= 1
        assert 0 <= step.traffic.canary + step.traffic.mirror <= 100


@pytest.mark.parametrize(("strategy", "asked"), CASES)
def test_users_never_leave_the_canary_between_two_steps(strategy: Strategy, asked: dict[str, Any]) -> None:
    """Its share only grows."""
    shares = [step.traffic.canary for step in strategy.plan(CanaryAnalysis.model_validate(asked))]
    assert shares == sorted(shares)


def test_a_weighted_canary_has_a_step_for_each_weight() -> None:
    """`maxWeight` that is no multiple of `stepWeight` is the last step all the same, as in Flagger."""
    found = plan(CanaryAnalysis.model_validate({"stepWeight": 20, "maxWeight": 50}))
    assert found == tuple(Step(Traffic(canary=weight)) for weight in (20, 40, 50))


def test_blue_green_is_one_step_without_users() -> None:
    """Judged for as many intervals as `iterations` says, which go before weights."""
    found = plan(CanaryAnalysis.model_validate({"iterations": 7, "stepWeight": 20}))
    assert found == (Step(Traffic(), repeat=7),)


def test_a_step_that_was_taken_away_is_the_last_one() -> None:
    """The user shortened the plan in the middle of a release."""
    analysis = CanaryAnalysis.model_validate({"stepWeights": [10, 50]})
    assert step_at(analysis, 7) == (1, Step(Traffic(canary=50)))
