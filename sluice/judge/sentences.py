"""The sentences that people read about a verdict."""

from __future__ import annotations

from math import exp, floor, log10

from sluice.judge.rule import has_control, opened
from sluice.judge.state import JudgeState, MetricState
from sluice.judge.verdict import Silence
from sluice.measures.counts import Counts
from sluice.measures.objective import Objective

GREATEST_ODDS = 1e12


def odds(log_wealth: float) -> str:
    """Evidence as odds, to three digits: `12,400 : 1`."""
    value = min(exp(min(log_wealth, 700.0)), GREATEST_ODDS)
    if value < 100:
        return f"{value:.2g} : 1"
    return f"{round(value, 2 - floor(log10(value))):,.0f} : 1"


def good_share(objective: Objective, counts: Counts) -> str:
    """The good share of some requests: `99.9 %`."""
    return f"{objective.reading(counts).value or 0.0:.4g} %"


def against(objective: Objective, state: JudgeState) -> str:
    """What speaks against the canary, by its objective and its control, and how the primary does: the reason of a FAIL."""
    metric = state.metrics[objective.metric.name]
    if opened(state, metric):
        return _with_control(objective, metric, metric.on_blocks)
    said = _with_control(objective, metric, metric.log_wealth)
    return f"{said}, {odds(metric.control.log_wealth)} against the canary being no worse"


def held(objective: Objective, state: JudgeState, *, over: bool) -> str:
    """Why the canary is neither failed nor promoted, and for how long already; `over` says that it is given up."""
    metric = state.metrics[objective.metric.name]
    seconds = state.looked - (state.held_since if state.held_since is not None else state.looked)
    end = "; taken back as a precaution" if over else ""
    return f"{_with_control(objective, metric, metric.on_blocks)}, no better, for {seconds:.0f} s now{end}"


def _with_control(objective: Objective, metric: MetricState, log_wealth: float) -> str:
    said = f"{objective.reading(metric.seen)}; {odds(log_wealth)} against the bound being kept"
    primary = _primary(metric)
    return f"{said}; the primary had {good_share(objective, primary)}" if primary.requests else said


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
