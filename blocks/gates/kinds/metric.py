"""A Gate that is a number, asked of a metrics provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from blocks.gates.kinds.base import Asked, GateAnswer
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import METRIC_TEMPLATE
from sluice.addresses import cleaned
from sluice.errors import SluiceError
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.manifests.flagger.metric_template import MetricTemplate
from sluice.manifests.own.gates.metric import MetricSpec
from sluice.measures.template import render_query

COUNTED_BY = "prometheus"


class Metrics(Protocol):
    """The metrics providers of an installation."""

    def values(self, kind: str, address: str = "") -> Any:
        """One that answers queries, by its type and address."""


@dataclass(frozen=True, slots=True)
class MetricGate:
    """Asks a query."""

    cluster: Cluster
    metrics: Metrics

    async def ask(self, asked: Asked) -> GateAnswer:
        """Open while the value lies in the range; no data is a closed gate."""
        spec = asked.gate.spec.metric
        assert spec is not None  # noqa: S101 - the table gives a Gate to the kind that it names
        try:
            value = await self._value(asked, spec)
        except SluiceError as error:
            return GateAnswer(False, cleaned(str(error)), again=spec.every)
        if value is None:
            return GateAnswer(False, "the query yields no data", again=spec.every)
        good = spec.threshold_range.holds(value)
        said = "in its range" if good else f"not {spec.threshold_range}"
        # The number itself is left out where the gate stays closed: what is said is written down when it changes.
        return GateAnswer(good, f"{value:g}, {said}" if good else f"the value is {said}", again=spec.every)

    async def _value(self, asked: Asked, spec: MetricSpec) -> float | None:
        canary, query = asked.canary, spec.query
        provider = self.metrics.values(COUNTED_BY, canary.spec.metrics_server) if query else None
        if spec.template_ref is not None:
            reference = spec.template_ref
            # A Gate reads what is its own namespace's: a template leads to where queries, with logins, are sent.
            found = await self.cluster.get(METRIC_TEMPLATE, reference.name, asked.gate.namespace)
            template = MetricTemplate.parse(found)
            query = template.spec.query
            provider = self.metrics.values(template.spec.provider.type, template.spec.provider.address)
        metric = CanaryMetric(
            name=f"of Gate {asked.gate.name}",
            interval=spec.interval,
            query=query,
            threshold_range=spec.threshold_range,
            template_variables=spec.template_variables,
        )
        assert provider is not None  # noqa: S101 - the model has a query or a template
        value: float | None = await provider.value(render_query(query, canary, metric))
        return value
