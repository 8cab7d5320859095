"""A metric of a Canary as an objective on counted requests: how many there were, how many of them were bad.

The built-in metrics of Flagger are ratios underneath. Counting instead of averaging is what makes a verdict fast (evidence
per scrape), honest about quiet services (no requests is no data) and blind to what an older revision left in the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from sluice.judge.buckets import around, bound_of
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
        baseline: the value of the baseline's; empty where the data plane has none.
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
    baseline: str = ""

    def selector(self, objective: Objective, bounds: frozenset[str] = frozenset()) -> Selector:
        """The series of both halves that an objective is counted by, and of a histogram those buckets."""
        metric = self.total if objective.limit_ms is None else self.buckets
        return Selector(metric, self.half_label, frozenset({self.canary, self.primary}), bounds)


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one window, and the bad ones among them.

    Attributes:
        bad: those that were certainly bad; they count against a revision.
        unclear: further ones that may have been: a histogram's buckets cannot tell. None of them counts for a revision.
    """

    requests: int = 0
    bad: int = 0
    unclear: int = 0

    @classmethod
    def of(cls, requests: float, bad: float, unclear: float = 0.0) -> Counts:
        """Whole numbers that can be: what is negative or more than there were requests is brought into reach."""
        whole = max(0, round(requests))
        certain = min(max(0, round(bad)), whole)
        return cls(whole, certain, min(max(0, round(unclear)), whole - certain))

    @property
    def at_worst(self) -> int:
        """Requests that cannot be shown to have been good."""
        return self.bad + self.unclear

    def since(self, earlier: Counts) -> Counts:
        """What came after `earlier`; a provider that forgot requests gives none, never a negative number."""
        requests = max(0, self.requests - earlier.requests)
        bad = min(max(0, self.bad - earlier.bad), requests)
        return Counts(requests, bad, min(max(0, self.unclear - earlier.unclear), requests - bad))


@dataclass(frozen=True, slots=True)
class Halves:
    """Requests to the canary and to the primary in the same stretch of time."""

    canary: Counts = Counts()
    primary: Counts = Counts()

    def since(self, earlier: Halves) -> Halves:
        """What came after `earlier`, of each half."""
        return Halves(self.canary.since(earlier.canary), self.primary.since(earlier.primary))


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
        """Requests, and the bad ones among them, from how much each series of one half grew.

        Raises:
            InvalidError: no bucket of the histogram could tell that a request was too slow.
        """
        if self.limit_ms is not None:
            return self._slow(grown, telemetry)
        total = sum(growth for _, growth in grown)
        bad = sum(growth for labels, growth in grown if labels.get(telemetry.class_label) == telemetry.bad_class)
        return Counts.of(total, bad)

    def _slow(self, grown: Sequence[tuple[dict[str, str], float]], telemetry: Telemetry) -> Counts:
        within: dict[float, float] = {}
        for labels, growth in grown:
            bound = bound_of(labels["le"])
            within[bound] = within.get(bound, 0.0) + growth
        if not within:
            return Counts()
        below, above = around(within, self.limit_ms or 0.0, telemetry.unit_ms)
        total = within[max(within)]
        slow = total - within[above]
        surely_fast = within[below] if below is not None else 0.0
        return Counts.of(total, slow, total - surely_fast - slow)

    def deciding(self, bounds: frozenset[str], telemetry: Telemetry) -> frozenset[str]:
        """The buckets, by their `le`, that say how many were slow and how many fast; none where no bucket is known.

        Raises:
            InvalidError: no bucket of the histogram could tell that a request was too slow.
        """
        if self.limit_ms is None or not bounds:
            return frozenset()
        by_value = {bound_of(one): one for one in bounds}
        below, above = around(by_value, self.limit_ms, telemetry.unit_ms)
        wanted = {max(by_value), above} | ({below} if below is not None else set())
        return frozenset(by_value[one] for one in wanted)

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
