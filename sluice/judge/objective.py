"""A metric of a Canary as an objective on counted requests: how many there were, how many of them were bad.

The built-in metrics of Flagger are ratios underneath. Counting instead of averaging is what makes a verdict fast (evidence
per scrape), honest about quiet services (no requests is no data) and blind to what an older revision left in the window.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from sluice.judge.counters import Series, oldest_sample, total_increase
from sluice.judge.verdict import Reading
from sluice.manifests.canary import CanaryMetric, ThresholdRange

SUCCESS_RATE = "request-success-rate"
DURATION_QUANTILE = 0.99
"""Flagger's request-duration is the 99th percentile."""


class Telemetry(BaseModel):
    """How a data plane's requests to the canary and the primary look in Prometheus.

    Both are read together: that the primary was seen at an earlier scrape is what proves that a series of the canary is new
    and began at zero.

    Attributes:
        total: selector of the request counter of both.
        buckets: selector of the duration histogram's buckets of both (`le` in `unit_ms` milliseconds).
        half_label: label that tells them apart; `canary` is its value for the canary.
        class_label: label that holds the class of the answer; `bad_class` is the value that counts as bad.
    """

    model_config = ConfigDict(frozen=True)
    total: str
    buckets: str
    half_label: str
    canary: str
    class_label: str
    bad_class: str
    unit_ms: float = 1.0


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

    def selector(self, telemetry: Telemetry) -> str:
        """The series that have to be read."""
        return telemetry.total if self.limit_ms is None else telemetry.buckets

    def count(self, both: Sequence[Series], telemetry: Telemetry, since: float) -> Counts:
        """Requests to the canary after `since`, seconds since the epoch, and the bad ones among them."""
        first_seen = oldest_sample(both)
        series = [one for one in both if one.labels.get(telemetry.half_label) == telemetry.canary]
        if self.limit_ms is None:
            total = total_increase(series, since, first_seen)
            wrong = [one for one in series if one.labels.get(telemetry.class_label) == telemetry.bad_class]
            bad = total_increase(wrong, since, first_seen)
        else:
            total, bad = self._slow(series, telemetry, since, first_seen)
        requests = max(0, round(total))
        return Counts(requests=requests, bad=min(max(0, round(bad)), requests))

    def _slow(
        self, series: Sequence[Series], telemetry: Telemetry, since: float, first_seen: float
    ) -> tuple[float, float]:
        by_bound: dict[float, list[Series]] = {}
        for one in series:
            by_bound.setdefault(float(one.labels["le"].replace("+Inf", "inf")), []).append(one)
        if not by_bound:
            return 0.0, 0.0
        bounds = sorted(by_bound)
        limit = (self.limit_ms or 0.0) / telemetry.unit_ms
        # Between two bucket bounds the next one above decides: only requests that were certainly too slow count as bad.
        at = bisect_right(bounds, limit)
        chosen = limit if limit in by_bound else bounds[min(at, len(bounds) - 1)]
        total = total_increase(by_bound[bounds[-1]], since, first_seen)
        fast = total_increase(by_bound[chosen], since, first_seen)
        return total, total - fast

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
