"""The sentences that people read about a verdict."""

from __future__ import annotations

from math import exp, floor, log10

from sluice.judge.policy import Policy
from sluice.judge.rule import decides_alone, has_control
from sluice.judge.rule import over as breaks
from sluice.judge.state import JudgeState, MetricState
from sluice.judge.verdict import Silence
from sluice.measures.counts import Counts
from sluice.measures.objective import Objective

GREATEST_ODDS = 1e12


def odds(log_wealth: float) -> str:
    """Evidence as odds, to three digits: `12,400:1`."""
    return f"{_digits(min(exp(min(log_wealth, 700.0)), GREATEST_ODDS))}:1"


def good_share(objective: Objective, counts: Counts) -> str:
    """The good share of some requests: `99.9 %`."""
    return f"{objective.reading(counts).value or 0.0:.4g} %"


def against(objective: Objective, state: JudgeState, policy: Policy, metrics: int) -> str:
    """The reason of a FAIL: by what odds the canary breaks its objective and is worse than the primary.

    Args:
        metrics: how many metrics are judged: the evidence has to be enough on average over all of them.
    """
    metric = state.metrics[objective.metric.name]
    reading, primary = objective.reading(metric.seen), _primary(metric)
    share = good_share(objective, primary)
    if decides_alone(state, metric):
        said = f"{reading}: breaks the objective ({_needed(metric.on_blocks, 1 / policy.alpha, metrics)})"
        return f"{said}; the primary is at {share}" if primary.requests else said
    enough = 1 / policy.alpha / (policy.tier if metric.single is not None else 1.0)
    return (
        f"{reading}: breaks the objective ({_needed(metric.log_wealth, enough, metrics)}) and is worse than the primary "
        f"at {share} ({_needed(metric.control.log_wealth, 1 / policy.alpha, metrics)})"
    )


def held(objective: Objective, state: JudgeState, policy: Policy, *, over: bool) -> str:
    """Why the weight stays, and for how long already; `over` says that the release is rolled back after all."""
    metric = state.metrics[objective.metric.name]
    primary = _primary(metric)
    seconds = state.looked - (state.held_since if state.held_since is not None else state.looked)
    both = breaks(primary, metric.evidence.allowed)
    numbers = str(objective.reading(metric.seen))
    if primary.requests:
        numbers = f"{numbers}; the primary is at {good_share(objective, primary)}"
    if over:
        who = "canary and primary have both broken" if both else "the canary has broken"
        why = "rolled back as a precaution, for the canary may be the cause"
        return f"{who} the objective for {seconds:.0f} s: {why}. {numbers}"
    why = (
        "canary and primary both break the objective: probably a shared dependency"
        if both
        else "the canary breaks the objective, but is not shown to be worse than the primary"
    )
    return f"{why}; the weight stays until it is over, {_most(policy)} at most. {seconds:.0f} s so far: {numbers}"


def _most(policy: Policy) -> str:
    seconds = policy.common_mode_timeout
    return "five minutes" if seconds == 300 else f"{seconds:g} s"


def _needed(log_wealth: float, enough: float, metrics: int) -> str:
    average = f" on average over {metrics} metrics" if metrics > 1 else ""
    return f"odds {odds(log_wealth)}, {_digits(enough)} needed{average}"


def _digits(value: float) -> str:
    return f"{value:.2g}" if value < 100 else f"{round(value, 2 - floor(log10(value))):,.0f}"


def silent(kind: Silence, seconds: float) -> str:
    """What is not known, and since when."""
    return {
        Silence.NO_TRAFFIC: f"neither canary nor primary has had requests for {seconds:.0f} s",
        Silence.STARVED: f"no request to the canary has come to an end for {seconds:.0f} s while the primary answers",
        Silence.BLIND: f"no sample has come for {seconds:.0f} s",
    }[kind]


def _primary(metric: MetricState) -> Counts:
    """The primary over the last minute where it is known, and else since the release began."""
    if not has_control(metric):
        return Counts()
    return metric.recent.primary if metric.recent is not None else metric.primary or Counts()
