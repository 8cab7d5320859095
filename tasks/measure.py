"""Reading what the judge judges by: counted requests for the built-in metrics, values for the user's own queries."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.kinds import METRIC_TEMPLATE
from blocks.metrics.base import Metrics
from sluice.errors import InvalidError, TransientError
from sluice.judge.counters import newest_sample
from sluice.judge.judge import JudgeState
from sluice.judge.objective import Objective, Telemetry
from sluice.judge.template import render_query
from sluice.judge.verdict import Reading
from sluice.manifests.canary import Canary, CanaryMetric
from sluice.manifests.metric_template import MetricTemplate
from tasks.rollout_ref import Scene

LOOK_BACK = 30.0
"""Seconds before the release's first traffic that are read too, to tell new series from old ones."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one look at the metrics gave.

    Attributes:
        state: the judge's memory after it.
        windows: each built-in metric over its window.
        newest: time of the newest sample, seconds since the epoch; 0 where there is none.
        provider_down: why nothing could be read; empty where it could.
    """

    state: JudgeState
    windows: tuple[Reading, ...] = ()
    newest: float = 0.0
    provider_down: str = ""


@dataclass(frozen=True, slots=True)
class Measures:
    """The metrics of one Canary and where they come from."""

    canary: Canary
    metrics: Metrics
    telemetry: Telemetry
    objectives: list[Objective]
    own: list[CanaryMetric]

    @classmethod
    def of(cls, scene: Scene) -> Measures:
        """Sort the Canary's metrics into built-in ones and the user's own."""
        canary = scene.canary
        asked = canary.spec.analysis.metrics if canary.spec.analysis else ()
        return cls(
            canary,
            scene.wired.metrics(canary.spec.metrics_server),
            scene.router.telemetry(canary),
            [Objective.of(metric) for metric in asked if metric.template_ref is None],
            [metric for metric in asked if metric.template_ref is not None],
        )

    async def scrape(self, state: JudgeState, now: float) -> Scrape:
        """Read all built-in metrics once; a provider that is away is told, not raised: it says nothing of the canary."""
        windows, newest = [], 0.0
        try:
            for objective in self.objectives:
                start = state.since - LOOK_BACK
                series = await self.metrics.samples(objective.selector(self.telemetry), start, now)
                state = state.with_counts(objective, objective.count(series, self.telemetry, state.since))
                begin = max(state.since, now - objective.metric.interval)
                windows.append(objective.reading(objective.count(series, self.telemetry, begin)))
                newest = max(newest, newest_sample(series))
        except TransientError as error:
            return Scrape(state, provider_down=str(error))
        return Scrape(state, tuple(windows), newest)

    async def own_readings(self, scene: Scene) -> list[Reading]:
        """The user's own queries, each asked once.

        Raises:
            TransientError: the provider is away.
            InvalidError: the template is missing a variable or names a provider that sluice does not know.
        """
        readings = []
        for metric in self.own:
            reference = metric.template_ref
            assert reference is not None  # noqa: S101 - `of` put only such metrics here
            found = await scene.wired.cluster.get(
                METRIC_TEMPLATE, reference.name, reference.namespace or self.canary.namespace
            )
            template = MetricTemplate.parse(found)
            if template.spec.provider.type != "prometheus":
                raise InvalidError(f"{template}: provider {template.spec.provider.type!r} is not supported yet")
            provider = scene.wired.metrics(template.spec.provider.address)
            value = await provider.value(render_query(template.spec.query, self.canary, metric))
            readings.append(_within(metric, value))
        return readings


def _within(metric: CanaryMetric, value: float | None) -> Reading:
    bounds = metric.threshold_range
    low = bounds.min if bounds else None
    high = bounds.max if bounds else None
    words = " and ".join(
        text
        for text in (f"at least {low:g}" if low is not None else "", f"at most {high:g}" if high is not None else "")
        if text
    )
    good = value is None or ((low is None or value >= low) and (high is None or value <= high))
    return Reading(metric=metric.name, value=value, bound=words, within=good)
