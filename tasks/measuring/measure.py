"""Reading what the judge judges by: counted requests, looks at gauges, and values of the user's own queries."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

from blocks.connections import Connections
from blocks.leases.lease import Lease
from blocks.metrics.base import Counters
from sluice.errors import InvalidError, TransientError
from sluice.judge.baseline.samples import samples
from sluice.judge.baseline.score import Score, scored
from sluice.judge.policy import DEFAULT, RECENT, Policy
from sluice.judge.sequential import Look, observe
from sluice.judge.state import JudgeState
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures.cadence import search
from sluice.measures.counted import telemetry_of
from sluice.measures.counts import Counts, Sides
from sluice.measures.gauge import GaugeTally
from sluice.measures.objective import Objective, Telemetry
from sluice.measures.reading import Reading, refused
from sluice.measures.tally import Tally
from tasks.measuring.gauges import Gauges, own_reading
from tasks.measuring.of_route import OfRoute
from tasks.measuring.pace import Pace
from tasks.scene.rollout_ref import Scene

LOOK_BACK = 30.0
"""Seconds before the release's first traffic that are read too, two scrapes at least, to tell new series from old ones."""
SLOW_SCRAPE = 15.0
"""Seconds that a scrape may take at most until it can be read; it is dated when it began."""
OVERLAP = 5.0
"""Seconds before the newest sample that are read again: targets are not all scraped at the same moment."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one look at the metrics gave.

    Attributes:
        state: the judge's memory after it.
        windows: each counted metric over its window.
        newest: time of the newest sample, seconds since the epoch; 0 where there is none.
        provider_down: why something could not be read; empty where all could.
        look: what the judge was shown; None where nothing could be read.
    """

    state: JudgeState
    windows: tuple[Reading, ...] = ()
    newest: float = 0.0
    provider_down: str = ""
    look: Look | None = None


@dataclass(slots=True)
class Trouble:
    """What could not be read at one look, by metric.

    Attributes:
        down: the provider did not answer, or its limits were in the way: nothing is known of the revision.
        refused: it never will be: the manifest has to be mended.
    """

    down: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def note(self, metric: str, error: BaseException) -> None:
        """Keep what an error says of a metric; one that is neither is raised."""
        if not isinstance(error, TransientError | InvalidError):
            raise error
        (self.down if isinstance(error, TransientError) else self.refused)[metric] = str(error)

    @property
    def why_down(self) -> str:
        """Each reason once."""
        return "; ".join(dict.fromkeys(self.down.values()))


@dataclass(slots=True)
class Measures:
    """The metrics of one Canary, where they come from, and what was read of them in this run.

    Attributes:
        usual: how the data plane's requests look; None where it counts none.
        counted: the metrics whose requests are counted.
        own: the user's own queries, gauges among them, which Flagger's check asks at the end of a step.
        of_route: what the data plane counted in the step under way.
        tallies: by metric, what canary and primary were asked.
        against_baseline: the tallies of canary and baseline; empty where the Canary is not compared.
        shown: time of the last scrape of `against_baseline` that a look has shown.
    """

    wired: Connections
    canary: Canary
    metrics: Counters
    usual: Telemetry | None
    counted: list[Objective]
    gauges: Gauges
    own: list[CanaryMetric]
    of_route: OfRoute
    policy: Policy = DEFAULT
    pace: Pace = field(default_factory=Pace)
    tallies: dict[str, Tally] = field(default_factory=dict)
    against_baseline: dict[str, Tally] = field(default_factory=dict)
    shown: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, scene: Scene) -> Measures:
        """The Canary's metrics by their kinds; what this run has read is kept."""
        kept = _kept.get(scene.lease)
        if kept is not None and kept.canary.spec == scene.canary.spec:
            kept.canary = scene.canary
            return kept
        canary = scene.canary
        analysis = canary.spec.analysis
        asked = analysis.metrics if analysis else ()
        gauges = [Objective.of(metric) for metric in asked if metric.is_gauge]
        metrics = scene.wired.metrics.counters(canary.spec.metrics_server)
        counted = [Objective.of(metric) for metric in asked if metric.is_counted]
        by_route = next((one for one in counted if one.metric.counted is None), None)
        made = _kept[scene.lease] = cls(
            scene.wired,
            canary,
            metrics,
            scene.telemetry,
            counted,
            Gauges(scene.wired, canary, gauges),
            [metric for metric in asked if not metric.is_counted],
            OfRoute(metrics, scene.telemetry, by_route),
            replace(DEFAULT, interleave=analysis.interleave) if analysis else DEFAULT,
        )
        # A gauge that only sluice reads comes as often as it is read.
        looks = [metric.every for metric in asked if metric.every] if not made.counted else []
        made.policy = made.policy.paced(max(looks, default=made.pace.assumed))
        return made

    @property
    def objectives(self) -> list[Objective]:
        """What the evidence judges by: counted metrics, then gauges."""
        return [*self.counted, *self.gauges.objectives]

    async def learn_pace(self) -> None:
        """Measure how often what is counted is scraped, until it is known; the judge's patience goes by it."""
        wanted = [telemetry_of(one.metric, self.canary, self.usual).selector(one) for one in self.counted]
        if wanted and await self.pace.learn(self.metrics, wanted):
            self.policy = self.policy.paced(self.pace.assumed)

    def pause(self, waited: float, first: float) -> float:
        """Seconds until the next look, see `Pace.pause`: at a scrape, or at a gauge whose time has come."""
        now = self.metrics.now()
        due = [self.pace.pause(now, list(self.tallies.values()), waited, first)] if self.counted else []
        due += [max(left, first) for left in self.gauges.due(now)]
        return min(due, default=search(waited, first))

    async def scrape(self, state: JudgeState) -> Scrape:
        """Read what is new; a provider that is away is reported, not raised: it is not the release's fault.

        What could be read is judged all the same, for a gauge may have a provider of its own.
        """
        tallies = [self._tally(objective, state.since) for objective in self.counted]
        baselines = [
            self._against_baseline(objective, state.since) for objective in self.counted if self.canary.compared
        ]
        self.of_route.begin(self.canary.status.step_started, self._look_back)
        trouble = await self._read_all([*tallies, *baselines], self.metrics.now())
        if tallies and len(trouble.down) == len(tallies):
            return Scrape(state, provider_down=trouble.why_down)
        try:
            await self.gauges.look(state, self.metrics.now())
        except TransientError as error:
            trouble.down["gauges"] = str(error)
        look = replace(self._look(state, tallies), against_baseline=self._news(baselines))
        after = observe(state, self.objectives, look, self.policy)
        windows = tuple(self._reading(tally, trouble) for tally in tallies)
        return Scrape(after, windows, look.newest, trouble.why_down, look)

    async def _read_all(self, tallies: list[Tally], now: float) -> Trouble:
        """Read each tally's news; what is wrong with one leaves the others as they are."""
        results = await asyncio.gather(*(self._read(tally, now) for tally in tallies), return_exceptions=True)
        trouble = Trouble()
        for tally, result in zip(tallies, results, strict=True):
            if isinstance(result, BaseException):
                trouble.note(tally.objective.metric.name, result)
        return trouble

    def _reading(self, tally: Tally, trouble: Trouble) -> Reading:
        metric = tally.objective.metric
        why = trouble.refused.get(metric.name)
        return refused(metric, why) if why else tally.objective.reading(self._window(tally))

    def _look(self, state: JudgeState, tallies: list[Tally]) -> Look:
        """What the judge has to know: what it has not seen yet, how both sides do now, and the step."""
        gauges = self.gauges.tallies
        recent = {tally.objective.metric.name: tally.both(tally.newest - RECENT) for tally in tallies}
        recent |= {gauge.objective.metric.name: gauge.last for gauge in gauges}
        read: list[Tally | GaugeTally] = [*tallies, *gauges]
        scrapes = {one.objective.metric.name: one.moments(_taken(state, one.objective)) for one in read}
        # A gauge can be asked for when nothing is scraped any more: it hides no silence.
        newest = max((tally.newest for tally in tallies or gauges), default=0.0)
        status = self.canary.status
        return Look(self.metrics.now(), newest, status.canary_weight, status.step_started, scrapes, recent)

    def _news(self, baselines: list[Tally]) -> dict[str, list[tuple[float, Sides]]]:
        """Of canary and baseline, the scrapes that no look has shown yet; a worker that goes on shows all of them."""
        found = {}
        for tally in baselines:
            name = tally.objective.metric.name
            news = tally.moments(self.shown.get(name, 0.0))
            if news:
                found[name], self.shown[name] = news, news[-1][0]
        return found

    def score(self) -> Score:
        """How the canary does against its baseline, over the whole release."""
        return scored(
            self.counted, {name: samples(tally.moments(0.0)) for name, tally in self.against_baseline.items()}
        )

    def _window(self, tally: Tally) -> Counts:
        return tally.window(max(tally.since, self.metrics.now() - tally.objective.metric.interval))

    def _tally(self, objective: Objective, since: float) -> Tally:
        metric = objective.metric
        tally = self.tallies.get(metric.name)
        if tally is None or tally.since != since:
            span = max(metric.interval, RECENT) + self._look_back
            telemetry = telemetry_of(metric, self.canary, self.usual)
            tally = self.tallies[metric.name] = Tally(objective, telemetry, since, span)
        return tally

    def _against_baseline(self, objective: Objective, since: float) -> Tally:
        """The canary's requests and the baseline's, which stands as the primary there, since the release began."""
        tally = self.against_baseline.get(objective.metric.name)
        if tally is None or tally.since != since:
            telemetry = telemetry_of(objective.metric, self.canary, self.usual)
            of_both = telemetry.model_copy(update={"primary": telemetry.baseline})
            tally = self.against_baseline[objective.metric.name] = Tally(objective, of_both, since, span=float("inf"))
            self.shown.pop(objective.metric.name, None)
        return tally

    async def _read(self, tally: Tally, now: float) -> None:
        # A scrape is stored some time after the moment that it is dated with: what was read just before is read again.
        overlap = max(OVERLAP, min(self.pace.assumed / 2, SLOW_SCRAPE))
        start = tally.newest - overlap if tally.newest else tally.since - self._look_back
        found = await self.metrics.samples(tally.selector, start, now)
        tally.add(found)
        if tally is self.tallies.get(tally.objective.metric.name):
            self.of_route.add(tally.objective, found)

    async def answered_by_route(self) -> float:
        """Requests of the step that the data plane answered with an error itself."""
        return await self.of_route.answered_itself(self._look_back)

    @property
    def _look_back(self) -> float:
        return max(LOOK_BACK, 2.5 * self.pace.assumed)

    async def scraped(self, seconds: float) -> list[float]:
        """Times of the scrapes of the last so many seconds, rising, of one series; none where no requests are counted.

        Raises:
            TransientError: the provider is away.
        """
        now = self.metrics.now()
        for objective in self.counted[:1]:
            selector = telemetry_of(objective.metric, self.canary, self.usual).selector(objective)
            series = await self.metrics.samples(selector, now - seconds, now)
            return max(([at for at, _ in one.samples] for one in series), key=len, default=[])
        return []

    async def own_readings(self) -> list[Reading]:
        """The user's own queries, each asked once; raises what `tasks.measuring.gauges.own_reading` raises."""
        return [await own_reading(self.wired, self.canary, metric) for metric in self.own]


def _taken(state: JudgeState, objective: Objective) -> float:
    """Time of the last scrape or look that the judge has of a metric."""
    known = state.metrics.get(objective.metric.name)
    return known.taken if known else 0.0


_kept: WeakKeyDictionary[Lease, Measures] = WeakKeyDictionary()
"""What each run has read, for as long as it holds its lease: a step must not read the whole release again."""
