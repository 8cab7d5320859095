"""Whether the evidence of all metrics together fails a release, and whether the primary's own trouble stands in the way.

A metric's gated evidence is the lesser of its evidence against the objective and its evidence against "no worse than the
primary": an e-process for "keeps its objective, or is no worse than the primary". The mean over the metrics is one too,
whatever their dependence, so the error rate holds for a release that is good in either sense. Where the primary says too
little the gate is open, and the error rate holds for releases that keep their objective.
"""

from __future__ import annotations

from collections.abc import Sequence

from sluice.judge.objective import Counts
from sluice.judge.policy import COMPARED_UP_TO, LEAST_BAD, LEAST_BAD_BLOCKS, Policy
from sluice.judge.state import JudgeState, MetricState
from sluice.judge.wealth import log_mean


def broken(state: JudgeState, names: Sequence[str], policy: Policy) -> bool:
    """Whether the evidence of all metrics together says that objectives are broken, whoever is to blame."""
    return bool(names) and log_mean(list(_absolute(state, names).values())) >= policy.fail_at


def failing(state: JudgeState, names: Sequence[str], policy: Policy) -> str:
    """The metric that fails the release, by its evidence and in comparison; empty where none does."""
    if not broken(state, names, policy):
        return ""
    return _decided({name: gated(state, name) for name in names}, state, policy)


def shared(state: JudgeState, names: Sequence[str], policy: Policy) -> str:
    """The metric that breaks its objective right now, whatever the primary does; empty where none does.

    Trouble that is over is not held against a release for as long as the evidence of it lasts: the comparison goes on.
    """
    if not broken(state, names, policy):
        return ""
    known = _absolute(state, names)
    now = {name: wealth if in_trouble(state.metrics.get(name)) else 0.0 for name, wealth in known.items()}
    return _decided(now, state, policy)


def gated(state: JudgeState, name: str) -> float:
    """Logarithm of one metric's evidence behind the gate."""
    metric = state.metrics.get(name)
    if metric is None:
        return 0.0
    return metric.log_wealth if _open(state, metric) else min(metric.log_wealth, metric.comparison.log_wealth)


def in_trouble(metric: MetricState | None) -> bool:
    """Whether the canary breaks the objective right now; yes where "right now" is not known."""
    if metric is None:
        return False
    return metric.recent is None or over(metric.recent.canary, metric.evidence.allowed)


def compared(metric: MetricState) -> bool:
    """Whether there is a primary to compare with."""
    if metric.recent is not None:
        return metric.recent.primary.requests > 0
    return metric.primary is not None and metric.primary.requests > 0


def over(counts: Counts, allowed: float) -> bool:
    """Whether more of these requests were bad than the objective allows."""
    return counts.bad > allowed * counts.requests + 1e-9


def _open(state: JudgeState, metric: MetricState) -> bool:
    """Whether the evidence decides without the comparison: only about trouble that is there right now."""
    if not in_trouble(metric):
        return False
    if not compared(metric) or state.weight == 100:
        return True
    if state.weight is None or state.weight <= COMPARED_UP_TO or state.held_since is not None:
        return False
    # Most of the traffic is the canary's: the comparison would come late. What the primary suffers itself still excuses.
    return metric.recent is not None and not over(metric.recent.primary, metric.evidence.allowed)


def _absolute(state: JudgeState, names: Sequence[str]) -> dict[str, float]:
    return {name: state.metrics[name].log_wealth if name in state.metrics else 0.0 for name in names}


def _decided(wealth: dict[str, float], state: JudgeState, policy: Policy) -> str:
    """The metric with the most evidence where all together are enough, and its bad requests too."""
    worst = max(wealth, key=lambda name: wealth[name])
    metric = state.metrics.get(worst)
    if metric is None or log_mean(list(wealth.values())) < policy.fail_at:
        return ""
    return worst if metric.bad >= LEAST_BAD and metric.bad_blocks >= LEAST_BAD_BLOCKS else ""
