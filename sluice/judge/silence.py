"""Which kind of silence there is, where nothing is counted: the reasons differ, and so does what follows from them.

Gauges have no part in it: they can be looked at whether there are requests or not.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.judge.policy import Policy
from sluice.judge.state import Heard, JudgeState, MetricState
from sluice.judge.verdict import Silence

MISSED_SCRAPES = 3
"""Scrapes that may fail to come before it is called silence."""


def heard(state: JudgeState, metrics: Mapping[str, MetricState], now: float, weight: int | None) -> Heard:
    """When the canary last had requests; a change of weight starts the count again, for it changes what was to be expected.

    Args:
        state: the memory before the look.
        metrics: the state of its metrics after it.
    """
    canary, last = max((one.seen.requests for one in metrics.values() if not one.gauge), default=0), state.heard
    if last is not None and canary <= last.canary and weight == state.weight:
        return last
    return Heard(now, canary, _of_primary(metrics))


def _of_primary(metrics: Mapping[str, MetricState]) -> int:
    return max((one.primary.requests for one in metrics.values() if one.primary and not one.gauge), default=0)


def silence(state: JudgeState, policy: Policy) -> tuple[Silence, float] | None:
    """The kind of silence and how many seconds it has lasted; None where requests are seen, or none were to be expected."""
    patience = MISSED_SCRAPES * policy.scrape_period
    unseen = state.looked - max(state.newest, state.step_started, state.since)
    if unseen > patience:
        return Silence.BLIND, unseen
    if state.heard is None or all(one.gauge for one in state.metrics.values()):
        return None
    quiet = state.looked - state.heard.at
    elsewhere = max(0, _of_primary(state.metrics) - state.heard.primary)
    weight = state.weight or 0
    if weight < 100 and elsewhere * weight / (100 - weight) >= policy.starved_requests:
        return Silence.STARVED, quiet
    return (Silence.NO_TRAFFIC, quiet) if quiet > patience and elsewhere == 0 else None


def is_fatal(kind: Silence, seconds: float, policy: Policy) -> bool:
    """Whether a silence has lasted so long that the release is failed by it."""
    if kind is Silence.STARVED:
        return seconds >= policy.starved_timeout
    return kind is Silence.BLIND and seconds >= policy.blind_timeout
