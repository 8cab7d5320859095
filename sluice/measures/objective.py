"""A metric of a Canary as an objective on counted requests: how many there were, how many of them were bad.

The built-in metrics of Flagger are ratios underneath. Counting instead of averaging is what makes a verdict fast (evidence
per scrape), honest about quiet services (no requests is no data) and blind to what an older revision left in the window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary_metric import CanaryMetric, ThresholdRange
from sluice.measures.buckets import around, bound_of, is_bucket
from sluice.measures.counts import Counts
from sluice.measures.reading import Reading
from sluice.measures.series import Selector
from sluice.patterns import matches

SUCCESS_RATE = "request-success-rate"
DURATION_QUANTILE = 0.99
"""Flagger's request-duration is the 99th percentile."""
OUTSIDE = 0.5
"""How often at most, of the looks at a gauge, it may be outside of its range; see `gauge.py`."""


class Telemetry(BaseModel):
    """How a data plane's requests to the canary and the primary look in Prometheus.

    Attributes:
        total: name of the request counter.
        buckets: name of the duration histogram's buckets (`le` in `unit_ms` milliseconds).
        side_label: label that tells the sides apart; `canary` and `primary` are its values.
        baseline: the value of the baseline's; empty where the data plane has none.
        bad: labels of what counts as bad, by regular expressions that match whole; all else is good.
        good: labels of what counts as good, where the manifest gives those instead; all else is bad.
        where: further labels, and the values that they have.
        unserved: names of counters of the requests that the data plane answered with an error itself, for no backend was
            there; of whatever it counts them for (a listener, say), which has the label `unserved_label`.
    """

    model_config = ConfigDict(frozen=True)
    total: str
    buckets: str
    side_label: str
    canary: str
    primary: str
    bad: dict[str, str] = {}
    good: dict[str, str] = {}
    where: dict[str, str] = {}
    unit_ms: float = 1.0
    baseline: str = ""
    unserved: tuple[str, ...] = ()
    unserved_label: str = ""

    def is_bad(self, labels: Mapping[str, str]) -> bool:
        """Whether a series of the request counter counts bad requests."""
        if self.good:
            return not _match(self.good, labels)
        return _match(self.bad, labels)

    def selector(self, objective: Objective, bounds: frozenset[str] = frozenset()) -> Selector:
        """The series of both sides that an objective is counted by, and of a histogram those buckets."""
        metric = self.total if objective.limit_ms is None else self.buckets
        sides, where = frozenset({self.canary, self.primary}), frozenset(self.where.items())
        return Selector(metric, self.side_label, sides, bounds, where)


def _match(patterns: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(matches(pattern, labels.get(label, ""), f"counted label {label}") for label, pattern in patterns.items())


class Objective(BaseModel):
    """What one metric asks for.

    Attributes:
        metric: the Canary's metric.
        allowed: the fraction of bad requests that it allows (p0).
        limit_ms: for a duration, milliseconds after which a request is bad; None for the success rate.
        gauge: whether its counts are looks at a gauge, and no requests.
    """

    model_config = ConfigDict(frozen=True)
    metric: CanaryMetric
    allowed: float
    limit_ms: float | None = None
    gauge: bool = False

    @classmethod
    def of(cls, metric: CanaryMetric) -> Objective:
        """The objective of a counted metric or a gauge; the Canary's model has made sure that its bound is there."""
        bounds = metric.threshold_range or ThresholdRange()
        if metric.is_gauge:
            return cls(metric=metric, allowed=OUTSIDE, gauge=True)
        if metric.counted.quantile is None if metric.counted else metric.name == SUCCESS_RATE:
            return cls(metric=metric, allowed=round(1 - (bounds.min or 0.0) / 100, 9))
        quantile = (metric.counted and metric.counted.quantile) or DURATION_QUANTILE
        return cls(metric=metric, allowed=round(1 - quantile, 9), limit_ms=bounds.max or 0.0)

    def counts(self, grown: Sequence[tuple[dict[str, str], float]], telemetry: Telemetry) -> Counts:
        """Requests, and the bad ones among them, from how much each series of one side grew.

        Raises:
            InvalidError: no bucket of the histogram could tell that a request was too slow.
        """
        if self.limit_ms is not None:
            return self._slow(grown, telemetry)
        total = sum(growth for _, growth in grown)
        bad = sum(growth for labels, growth in grown if telemetry.is_bad(labels))
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

    def check_countable(self, labels: Mapping[str, str], telemetry: Telemetry) -> None:
        """Refuse a series that has no bucket's bound where a histogram is needed.

        Raises:
            InvalidError: it has none; the message names the metric and the series.
        """
        if self.limit_ms is not None and not is_bucket(labels):
            raise InvalidError(
                f"metric {self.metric.name}: {telemetry.buckets} has a series whose label le is no bound "
                f"({labels.get('le', 'none')!r}): name the series of a classic histogram's buckets"
            )

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
        value = None if counts.requests == 0 else 100 * (1 - counts.bad / counts.requests)
        # The comparison is on counts: a percentage that was rounded must not decide.
        within = counts.requests == 0 or counts.bad <= self.allowed * counts.requests + 1e-9
        bound = _bound(self.allowed, str(self.metric.threshold_range) if self.gauge else self.limit_ms)
        return Reading(
            metric=self.metric.name,
            value=value,
            unit="%",
            bound=bound,
            within=within,
            requests=counts.requests,
            good=counts.requests - counts.bad,
            counted="looks" if self.gauge else "requests",
        )


@lru_cache(maxsize=256)
def _bound(allowed: float, limit: float | str | None) -> str:
    """The objective in words; `limit` is a duration's milliseconds, a gauge's range, or None for a ratio."""
    asked = f"{100 * (1 - allowed):g} %"
    if isinstance(limit, str):
        return f"{asked} of looks {limit}"
    return asked if limit is None else f"{asked} within {limit:g} ms"
