"""Requests that the data plane answered with an error itself, for no backend was there: read only where some are missing."""

from __future__ import annotations

from blocks.metrics.base import Counters
from sluice.errors import InvalidError, TransientError
from sluice.measures.objective import Telemetry
from sluice.measures.series import Counter, Selector


async def answered_itself(metrics: Counters, usual: Telemetry | None, since: float, look_back: float) -> float:
    """How many since a moment; 0 where nothing counts them, or nobody can say.

    Args:
        since: seconds since the epoch.
        look_back: seconds before it that are read too, for what was counted already.
    """
    if usual is None or not usual.unserved:
        return 0.0
    grown, now = 0.0, metrics.now()
    for name in usual.unserved:
        selector = Selector(name, usual.unserved_label, frozenset(), where=frozenset(usual.where.items()))
        try:
            found = await metrics.samples(selector, since - look_back, now)
        except (TransientError, InvalidError):
            continue  # what is missing holds the step all the same
        for series in found:
            counter = Counter(since)
            for at, value in series.samples:
                counter.add(at, value, float("inf"))
            grown += counter.grown
    return grown
