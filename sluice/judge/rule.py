"""Whether the evidence of all metrics together fails a release, and whether the primary's own trouble stands in the way.

What counts of a metric, its evidence with the control, is the lesser of two: `tier` times its evidence against the
objective, and its evidence against "no worse than the primary". The mean over the metrics reaches 1/alpha with probability

- at most alpha for a release that is no worse than the primary, for the control has to reach it too;
- at most tier·alpha for one that keeps its objectives, be it worse than the primary or not.

A mean of e-processes is one whatever their dependence, and Ville's inequality holds for it at every look. The first asks
that requests of a block fail independently, at whatever level both sides share; the second what `bets/single.py` asks.

Where the primary says too little the control is left out. Then, and for a hold, blocks alone decide at the error rate alpha
(`bets/blocks.py`), whatever the correlation inside a block: nothing else stands between a burst and a rollback. What they
say is in the evidence with the control too, so that all of it stays within tier·alpha for a release that keeps its
objectives. For one that is as good as the primary as well, leaving the control out and the precaution that ends a hold add
at most another alpha.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from sluice.judge.bets.wealth import log_mean
from sluice.judge.policy import CONTROL_UP_TO, LEAST_BAD, LEAST_BAD_BLOCKS, Policy
from sluice.judge.state import JudgeState, MetricState
from sluice.measures.counts import Counts


def failing(state: JudgeState, names: Sequence[str], policy: Policy) -> str:
    """The metric that fails the release, by its evidence and against its control; empty where none does."""
    return _decided({name: with_control(state, name, policy) for name in names}, state, policy)


def shared(state: JudgeState, names: Sequence[str], policy: Policy) -> str:
    """The metric that breaks its objective right now, whatever the primary does; empty where none does.

    Trouble that is over is not held against a release for as long as the evidence of it lasts: the control goes on.
    """
    known = {name: state.metrics[name].on_blocks if name in state.metrics else 0.0 for name in names}
    if not _enough(known, policy):
        return ""
    now = {name: wealth if in_trouble(state.metrics.get(name)) else 0.0 for name, wealth in known.items()}
    return _decided(now, state, policy)


def with_control(state: JudgeState, name: str, policy: Policy) -> float:
    """Logarithm of one metric's evidence with the control, as far as there is one."""
    metric = state.metrics.get(name)
    if metric is None:
        return 0.0
    if decides_alone(state, metric):
        return metric.on_blocks
    # Without bets on single requests there is no second tier: who asked for blocks alone asked for alpha alone.
    tier = policy.tier if metric.single is not None else 1.0
    return min(log(tier) + metric.log_wealth, metric.control.log_wealth)


def in_trouble(metric: MetricState | None) -> bool:
    """Whether the canary breaks the objective right now; yes where "right now" is not known."""
    if metric is None:
        return False
    return metric.recent is None or over(metric.recent.canary, metric.evidence.allowed)


def has_control(metric: MetricState) -> bool:
    """Whether there is a primary as control: one with requests of its own."""
    if metric.recent is not None:
        return metric.recent.primary.requests > 0
    return metric.primary is not None and metric.primary.requests > 0


def over(counts: Counts, allowed: float) -> bool:
    """Whether more of these requests were bad than the objective allows."""
    return counts.bad > allowed * counts.requests + 1e-9


def decides_alone(state: JudgeState, metric: MetricState) -> bool:
    """Whether the evidence decides without the control: only about trouble that is there right now."""
    if not in_trouble(metric):
        return False
    if not has_control(metric) or state.weight == 100:
        return True
    if state.weight is None or state.weight <= CONTROL_UP_TO or state.held_since is not None:
        return False
    # Most of the traffic is the canary's: the control would come late. What the primary suffers itself still excuses.
    return metric.recent is not None and not over(metric.recent.primary, metric.evidence.allowed)


def _enough(wealth: dict[str, float], policy: Policy) -> bool:
    each = wealth.values()
    # No mean is more than its greatest term: most looks need none.
    return max(each, default=0.0) >= policy.fail_at and log_mean(list(each)) >= policy.fail_at


def _decided(wealth: dict[str, float], state: JudgeState, policy: Policy) -> str:
    """The metric with the most evidence where all together are enough, and its bad requests too."""
    if not _enough(wealth, policy):
        return ""
    worst = max(wealth, key=lambda name: wealth[name])
    metric = state.metrics.get(worst)
    if metric is None:
        return ""
    return worst if metric.bad >= LEAST_BAD and metric.bad_blocks >= LEAST_BAD_BLOCKS else ""
