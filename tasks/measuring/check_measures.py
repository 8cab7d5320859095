"""Whether what a release is to be judged by can be read at all, asked before users meet it."""

from __future__ import annotations

from sluice.manifests.flagger.side import Side
from sluice.measures.counted import telemetry_of
from sluice.measures.template import render_query
from tasks.measuring.gauges import template_of
from tasks.scene.rollout_ref import Scene


async def check_measures(scene: Scene) -> None:
    """Find each metric's series or query, and fill its variables in; nothing is asked of a provider.

    Raises:
        InvalidError: a metric names a variable, a provider or a data plane that there is not; the message has the field.
        NotFoundError: its MetricTemplate is not there.
    """
    canary = scene.canary
    analysis = canary.spec.analysis
    for metric in analysis.metrics if analysis else ():
        if metric.is_counted:
            telemetry_of(metric, canary, scene.telemetry)
            continue
        _, query = await template_of(scene.wired, canary, metric)
        for side in (Side.CANARY, Side.PRIMARY):
            render_query(query, canary, metric, side)
