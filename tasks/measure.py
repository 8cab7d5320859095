"""Reading what the judge judges by: counted requests for the built-in metrics, values for the user's own queries."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

from blocks.kinds import METRIC_TEMPLATE
from blocks.lease import Lease
from blocks.metrics.base import Metrics
from sluice.errors import InvalidError, TransientError
from sluice.judge.beside import samples
from sluice.judge.judge import JudgeState
from sluice.judge.objective import Counts, Halves, Objective, Telemetry
from sluice.judge.policy import DEFAULT, RECENT, Policy
from sluice.judge.score import Score, scored
from sluice.judge.sequential import Look, observe
from sluice.judge.tally import Tally
from sluice.judge.template import render_query
from sluice.judge.verdict import Reading
from sluice.manifests.canary import Canary, CanaryMetric
from sluice.manifests.metric_template import MetricTemplate
from tasks.rollout_ref import Scene

LOOK_BACK = 30.0
"""Seconds before the release's first traffic that are read too, to tell new series from old ones."""
OVERLAP = 5.0
"""Seconds before the newest sample that are read again: targets are not all scraped at the same moment."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one look at the metrics gave.

    Attributes:
        state: the judge's memory after it.
        windows: each built-in metric over its window.
        newest: time of the newest sample, seconds since the epoch; 0 where there is none.
        provider_down: why nothing could be read; empty where it could.
        look: what the judge was shown; None where nothing could be read.
    """

    state: JudgeState
    windows: tuple[Reading, ...] = ()
    newest: float = 0.0
    provider_down: str = ""
    look: Look | None = None


@dataclass(slots=True)
class Measures:
    """The metrics of one Canary, where they come from, and what was read of them in this run.

    Attributes:
        tallies: by metric, what canary and primary were asked.
        besides: the same of canary and baseline; empty where the Canary is not compared.
        told: time of the last scrape of `besides` that a look has told.
    """

    canary: Canary
    metrics: Metrics
    telemetry: Telemetry
    objectives: list[Objective]
    own: list[CanaryMetric]
    policy: Policy = DEFAULT
    tallies: dict[str, Tally] = field(default_factory=dict)
    besides: dict[str, Tally] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, scene: Scene) -> Measures:
        """The Canary's metrics, sorted into built-in ones and the user's own; what this run has read is kept."""
        kept = _kept.get(scene.lease)
        if kept is not None and kept.canary.spec == scene.canary.spec:
            kept.canary = scene.canary
            return kept
        canary = scene.canary
        analysis = canary.spec.analysis
        asked = analysis.metrics if analysis else ()
        made = _kept[scene.lease] = cls(
            canary,
            scene.wired.metrics(canary.spec.metrics_server),
            scene.router.telemetry(canary),
            [Objective.of(metric) for metric in asked if metric.template_ref is None],
            [metric for metric in asked if metric.template_ref is not None],
            replace(DEFAULT, interleave=analysis.interleave) if analysis else DEFAULT,
        )
        return made

    async def scrape(self, state: JudgeState) -> Scrape:
        """Read what is new of all built-in metrics; a provider that is away is told, not raised: it is not the release."""
        tallies = [self._tally(objective, state.since) for objective in self.objectives]
        besides = [self._beside(objective, state.since) for objective in self.objectives if self.canary.compared]
        try:
            await asyncio.gather(*(self._read(tally, self.metrics.now()) for tally in (*tallies, *besides)))
        except TransientError as error:
            return Scrape(state, provider_down=str(error))
        look = replace(self._look(state, tallies), beside=self._news(besides))
        windows = [tally.objective.reading(self._window(tally)) for tally in tallies]
        after = observe(state, self.objectives, look, self.policy)
        return Scrape(after, tuple(windows), look.newest, look=look)

    def _look(self, state: JudgeState, tallies: list[Tally]) -> Look:
        """What the judge has to know: the scrapes that it has not seen, how both halves do now, and the step."""
        scrapes, recent = {}, {}
        for tally in tallies:
            name = tally.objective.metric.name
            known = state.metrics.get(name)
            scrapes[name] = tally.moments(known.taken if known else 0.0)
            recent[name] = tally.both(tally.newest - RECENT)
        status, newest = self.canary.status, max((tally.newest for tally in tallies), default=0.0)
        return Look(self.metrics.now(), newest, status.canary_weight, status.step_started, scrapes, recent)

    def _news(self, besides: list[Tally]) -> dict[str, list[tuple[float, Halves]]]:
        """Of canary and baseline, the scrapes that no look has told yet; a worker that takes over tells all of them."""
        found = {}
        for tally in besides:
            name = tally.objective.metric.name
            news = tally.moments(self.told.get(name, 0.0))
            if news:
                found[name], self.told[name] = news, news[-1][0]
        return found

    def score(self) -> Score:
        """How the canary does beside its baseline, over the whole release."""
        return scored(self.objectives, {name: samples(tally.moments(0.0)) for name, tally in self.besides.items()})

    def _window(self, tally: Tally) -> Counts:
        return tally.window(max(tally.since, self.metrics.now() - tally.objective.metric.interval))

    def _tally(self, objective: Objective, since: float) -> Tally:
        tally = self.tallies.get(objective.metric.name)
        if tally is None or tally.since != since:
            span = max(objective.metric.interval, RECENT) + LOOK_BACK
            tally = self.tallies[objective.metric.name] = Tally(objective, self.telemetry, since, span)
        return tally

    def _beside(self, objective: Objective, since: float) -> Tally:
        """The canary's requests and the baseline's, which stands as the primary there, since the release began."""
        tally = self.besides.get(objective.metric.name)
        if tally is None or tally.since != since:
            beside = self.telemetry.model_copy(update={"primary": self.telemetry.baseline})
            tally = self.besides[objective.metric.name] = Tally(objective, beside, since, span=float("inf"))
            self.told.pop(objective.metric.name, None)
        return tally

    async def _read(self, tally: Tally, now: float) -> None:
        # A scrape is stored some time after the moment that it is dated with: what was read just before is read again.
        start = tally.newest - OVERLAP if tally.newest else tally.since - LOOK_BACK
        tally.take(await self.metrics.samples(tally.selector, start, now))

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


_kept: WeakKeyDictionary[Lease, Measures] = WeakKeyDictionary()
"""What each run has read, for as long as it holds its lease: a step must not read the whole release again."""


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
