"""What one look costs in a worker: a scrape's block taken in for every metric, and the word on the release."""

from __future__ import annotations

from typing import Any

from bench.rules import microseconds
from sluice.judge.policy import Policy
from sluice.judge.sequential import Look, judgement_of, observe
from sluice.judge.sequential import against as overwhelming
from sluice.judge.state import JudgeState
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective

ASKED = (
    {"name": "request-success-rate", "thresholdRange": {"min": 99}},
    {"name": "request-duration", "thresholdRange": {"max": 500}},
)
PERIOD = 2.0


def measure(alpha: float) -> dict[str, Any]:
    """Microseconds a look, of the code that the product runs, with one metric and with two."""
    policy = Policy(alpha=alpha)
    return {f"{number} metrics": _look(number, policy) for number in (1, 2)}


def _look(metrics: int, policy: Policy) -> dict[str, Any]:
    objectives = [Objective.of(CanaryMetric.model_validate(one)) for one in ASKED[:metrics]]
    state = JudgeState(revision="r", since=0.0)
    for number in range(1, 21):
        state = observe(state, objectives, _seen(objectives, number), policy)
    look = _seen(objectives, 21)
    return {
        "observe": microseconds(lambda: observe(state, objectives, look, policy)),
        "observe and overwhelming": microseconds(
            lambda: overwhelming(observe(state, objectives, look, policy), objectives)
        ),
        "observe and judge": microseconds(
            lambda: judgement_of(observe(state, objectives, look, policy), objectives, policy)
        ),
    }


def _seen(objectives: list[Objective], number: int) -> Look:
    now = PERIOD * number
    sides = Sides(Counts(20 * number, number // 7), Counts(180 * number, number))
    names = [one.metric.name for one in objectives]
    return Look(now, now, 10, 0.0, {name: [(now, sides)] for name in names}, dict.fromkeys(names, sides))
