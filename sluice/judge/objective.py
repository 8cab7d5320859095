"""A metric of a Canary as an objective on counted requests: how many there were, how many of them were bad.

The built-in metrics of Flagger are ratios underneath. Counting instead of averaging is what makes a verdict fast (evidence
per scrape), honest about quiet services (no requests is no data) and blind to what an older revision left in the window.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from sluice.judge.counters import Selector
from sluice.judge.verdict import Reading
from sluice.manifests.canary import CanaryMetric, ThresholdRange

SUCCESS_RATE = "request-success-rate"
DURATION_QUANTILE = 0.99
"""Flagger's request-duration is the 99th percentile."""


class Telemetry(BaseModel):
    """How a data plane's requests to the canary and the primary look in Prometheus.

    Attributes:
        total: name of the request counter.
        buckets: name of the duration histogram's buckets (`le` in `unit_ms` milliseconds).
        half_label: label that tells the halves apart; `canary` and `primary` are its values.
        class_label: label that holds the class of the answer; `bad_class` is the value that counts as bad.
    """

    model_config = ConfigDict(frozen=True)
    total: str
    buckets: str
    half_label: str
    canary: str
    primary: str
    class_label: str
    bad_class: str
    unit_ms: float = 1.0

    def selector(self, objective: Objective, bounds: frozenset[str] = frozenset()) -> Selector:
        """The series of both halves that an objective is counted by, and of a histogram those buckets."""
        metric = self.total if objective.limit_ms is None else self.buckets
        return Selector(metric, self.half_label, frozenset({self.canary, self.primary}), bounds)


class Counts(BaseModel):
    """Requests of one window, and the bad ones among them."""

    model_config = ConfigDict(frozen=True)
    requests: int = 0
    bad: int = 0

    def since(self, earlier: Counts) -> Counts:
        """What came after `earlier`; a provider that forgot requests gives none, never a negative number."""
        requests = max(0, self.requests - earlier.requests)
        return Counts(requests=requests, bad=min(max(0, self.bad - earlier.bad), requests))


class Objective(BaseModel):
    """What one metric asks for.

    Attributes:
        metric: the Canary's metric.
        allowed: the fraction of bad requests that it allows (p0).
        limit_ms: for a duration, milliseconds after which a request is bad; None for the success rate.
    """

    model_config = ConfigDict(frozen=True)
    metric: CanaryMetric
    allowed: float
    limit_ms: float | None = None

    @classmethod
    def of(cls, metric: CanaryMetric) -> Objective:
        """The objective of a built-in metric; the Canary's model has made sure that its bound is there."""
        bounds = metric.threshold_range or ThresholdRange()
        if metric.name == SUCCESS_RATE:
            return cls(metric=metric, allowed=round(1 - (bounds.min or 0.0) / 100, 9))
        return cls(metric=metric, allowed=round(1 - DURATION_QUANTILE, 9), limit_ms=bounds.max or 0.0)

    def counts(self, grown: Sequence[tuple[dict[str, str], float]], telemetry: Telemetry) -> Counts:
        """Requests, and the bad ones among them, from how much each series of the canary grew."""
        if self.limit_ms is None:
            total = sum(growth for _, growth in grown)
            bad = sum(growth for labels, growth in grown if labels.get(telemetry.class_label) == telemetry.bad_class)
        else:
            total, bad = self._slow(grown, telemetry)
        requests = max(0, round(total))
        return Counts(requests=requests, bad=min(max(0, round(bad)), requests))

    def _slow(self, grown: Sequence[tuple[dict[str, str], float]], telemetry: Telemetry) -> tuple[float, float]:
        by_bound: dict[float, float] = {}
        for labels, growth in grown:
            bound = _bound(labels["le"])
            by_bound[bound] = by_bound.get(bound, 0.0) + growth
        if not by_bound:
            return 0.0, 0.0
        total = by_bound[max(by_bound)]
        return total, total - by_bound[self._chosen(sorted(by_bound), telemetry)]

    def _chosen(self, bounds: list[float], telemetry: Telemetry) -> float:
        # Between two bucket bounds the next one above decides: only requests that were certainly too slow count as bad.
        limit = (self.limit_ms or 0.0) / telemetry.unit_ms
        return bounds[min(bisect_left(bounds, limit), len(bounds) - 1)]

    def deciding(self, bounds: frozenset[str], telemetry: Telemetry) -> frozenset[str]:
        """The two buckets, by their `le`, that say how many were slow; none where no bucket is known."""
        if self.limit_ms is None or not bounds:
            return frozenset()
        by_value = {_bound(one): one for one in bounds}
        return frozenset({by_value[max(by_value)], by_value[self._chosen(sorted(by_value), telemetry)]})

    def reading(self, counts: Counts) -> Reading:
        """The counts as a person and a threshold read them."""
        good = None if counts.requests == 0 else 1 - counts.bad / counts.requests
        if self.limit_ms is None:
            bound, value = f"at least {100 * (1 - self.allowed):g} % good", None if good is None else 100 * good
        else:
            bound = f"at least {100 * (1 - self.allowed):g} % within {self.limit_ms:g} ms"
            value = None if good is None else 100 * good
        # The comparison is on counts: a percentage that was rounded must not decide.
        within = counts.requests == 0 or counts.bad <= self.allowed * counts.requests + 1e-9
        return Reading(
            metric=self.metric.name, value=value, unit="%", bound=bound, within=within, requests=counts.requests
        )


def _bound(le: str) -> float:
    return float(le.replace("+Inf", "inf"))
