"""Looking at the user's own queries: once at the end of a step, and at gauges every so often in the middle of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from blocks.connections import Connections
from blocks.kubernetes.kinds import METRIC_TEMPLATE
from blocks.metrics.base import Values
from blocks.metrics.providers import COUNTED_BY
from sluice.errors import InvalidError
from sluice.judge.state import JudgeState
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.manifests.flagger.metric_template import MetricTemplate
from sluice.manifests.flagger.side import Side
from sluice.measures.counts import Sides
from sluice.measures.gauge import GaugeTally
from sluice.measures.objective import Objective
from sluice.measures.reading import Reading, queried, refused
from sluice.measures.template import render_query

EARLY = 0.1
"""Part of `every` that may be missing at a look: the judge comes after scrapes, and not to the second."""


async def template_of(wired: Connections, canary: Canary, metric: CanaryMetric) -> tuple[Values, str]:
    """The provider and the query of a metric, its own or its MetricTemplate's, variables not filled in.

    Raises:
        NotFoundError: there is no such template.
        InvalidError: it names a provider that sluice does not know.
    """
    reference = metric.template_ref
    if reference is None:
        return wired.metrics.values(COUNTED_BY, canary.spec.metrics_server), metric.query
    found = await wired.cluster.get(METRIC_TEMPLATE, reference.name, reference.namespace or canary.namespace)
    template = MetricTemplate.parse(found)
    provider = template.spec.provider
    try:
        return wired.metrics.values(provider.type, provider.address), template.spec.query
    except InvalidError as error:
        raise InvalidError(f"{template}: {error}") from error


async def own_reading(wired: Connections, canary: Canary, metric: CanaryMetric) -> Reading:
    """What a query gives right now, against its range: Flagger's check.

    Raises:
        TransientError: the provider is away.
        InvalidError: the template uses a variable that is missing, or names a provider that sluice does not know.
    """
    provider, query = await template_of(wired, canary, metric)
    rendered = render_query(query, canary, metric)
    try:
        return queried(metric, await provider.value(rendered))
    except InvalidError as error:
        return refused(metric, f"MetricTemplate {metric.template_ref and metric.template_ref.name}: {error}")


@dataclass(slots=True)
class Gauge:
    """One gauge of one release, and where its values come from.

    Attributes:
        query, primary_query: of the canary and of the primary; None where the template's query tells them not apart.
        looked: time of the last look, seconds since the epoch; 0 before the first.
    """

    provider: Values
    query: str
    primary_query: str | None
    tally: GaugeTally
    looked: float = 0.0

    @classmethod
    async def of(cls, wired: Connections, canary: Canary, objective: Objective, state: JudgeState) -> Gauge:
        """The gauge, from where the judge's memory is; raises what `template_of` raises."""
        metric = objective.metric
        provider, query = await template_of(wired, canary, metric)
        own, primary = (render_query(query, canary, metric, side) for side in (Side.CANARY, Side.PRIMARY))
        known = state.metrics.get(metric.name)
        sides = Sides(known.seen, known.primary or Sides().primary) if known else Sides()
        return cls(provider, own, None if own == primary else primary, GaugeTally(objective, sides))

    async def look(self, now: float) -> None:
        """Look at it where its time has come.

        Args:
            now: seconds since the epoch, by the clock that all looks of the release are dated by.

        Raises:
            TransientError: the provider is away.
        """
        every = self.tally.objective.metric.every or 0.0
        if now - self.looked < every * (1 - EARLY):
            return
        queries = [self.query, *([self.primary_query] if self.primary_query else [])]
        values: list[float | None] = []
        with suppress(InvalidError):  # the check at the end of the step asks too: it fails there, by the threshold
            values = await asyncio.gather(*(self.provider.value(query) for query in queries))
        self.looked = now
        self.tally.add(now, *(values or [None]))


@dataclass(slots=True)
class Gauges:
    """All gauges of one release; their templates are read at the first look and kept."""

    wired: Connections
    canary: Canary
    objectives: list[Objective]
    _known: dict[str, Gauge] = field(default_factory=dict)

    async def look(self, state: JudgeState, now: float) -> list[GaugeTally]:
        """What was seen of them so far, now that those whose time has come are looked at; raises what `Gauge.look` does."""
        for objective in self.objectives:
            if objective.metric.name not in self._known:
                self._known[objective.metric.name] = await Gauge.of(self.wired, self.canary, objective, state)
        await asyncio.gather(*(gauge.look(now) for gauge in self._known.values()))
        return self.tallies

    @property
    def tallies(self) -> list[GaugeTally]:
        """What was seen of them so far."""
        return [gauge.tally for gauge in self._known.values()]
