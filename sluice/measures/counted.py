"""Which series a user names for a metric, and which of them are good or bad, the canary's or the primary's."""

from __future__ import annotations

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures.objective import Telemetry
from sluice.measures.template import render_query

UNIT_MS = {"s": 1000.0, "ms": 1.0}


def telemetry_of(metric: CanaryMetric, canary: Canary, usual: Telemetry | None) -> Telemetry:
    """The telemetry that a metric is counted by: its own where it names one, else the data plane's.

    Args:
        usual: the data plane's; None where it counts no requests.

    Raises:
        InvalidError: a value uses a variable that does not exist, or nothing counts requests for a built-in metric.
    """
    own = metric.counted
    if own is None:
        if usual is None:
            raise InvalidError(
                f"{canary}: metric {metric.name} counts requests on their way, and with spec.provider "
                f"{canary.spec.provider!r} nothing does: add counted to it, with the application's own series"
            )
        return usual
    return Telemetry(
        total=own.series,
        buckets=own.series,
        side_label=own.label,
        canary=render_query(own.canary, canary, metric),
        primary=render_query(own.primary, canary, metric),
        baseline=render_query(own.baseline, canary, metric),
        good=own.good,
        bad=own.bad,
        where={label: render_query(value, canary, metric) for label, value in own.where.items()},
        unit_ms=UNIT_MS[own.unit],
    )
