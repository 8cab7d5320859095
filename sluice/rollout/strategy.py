"""The table of strategies, and the plan that a Canary's `analysis` comes to."""

from __future__ import annotations

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.rollout.strategies.base import Step, Strategy
from sluice.rollout.strategies.blue_green import BlueGreen
from sluice.rollout.strategies.weighted import Weighted

STRATEGIES: tuple[Strategy, ...] = (BlueGreen(), Weighted())
"""Every strategy; the first one that a manifest asks for is taken, in Flagger's order: `iterations` go before weights."""


def strategy_of(analysis: CanaryAnalysis) -> Strategy:
    """The strategy that a manifest asks for.

    Raises:
        InvalidError: it asks for none. The Canary's model refuses such a manifest before.
    """
    for strategy in STRATEGIES:
        if strategy.chosen(analysis):
            return strategy
    raise InvalidError("analysis names no strategy: set stepWeight, stepWeights or iterations")


def has_strategy(analysis: CanaryAnalysis) -> bool:
    """Whether it asks for one. What is left of a Canary that has become invalid in the middle of its release does not."""
    return any(strategy.chosen(analysis) for strategy in STRATEGIES)


def plan(analysis: CanaryAnalysis) -> tuple[Step, ...]:
    """The steps of a release before its promotion, first to last.

    Raises:
        InvalidError: the manifest asks for no strategy.
    """
    return strategy_of(analysis).plan(analysis)


def step_at(analysis: CanaryAnalysis, index: int) -> tuple[int, Step]:
    """The step of that index with its index; the last one where the user has taken steps away meanwhile."""
    steps = plan(analysis)
    found = min(index, len(steps) - 1)
    return found, steps[found]
