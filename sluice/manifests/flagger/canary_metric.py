"""One measure of a Canary, as its manifest names it: built in, counted by series of the user's own, or a query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, model_validator

from sluice.durations import Duration
from sluice.manifests.flagger.counted import CountedSeries
from sluice.manifests.meta import ForeignModel

SUCCESS_RATE = "request-success-rate"
BUILT_IN = {SUCCESS_RATE: ("min", 99), "request-duration": ("max", 500)}
"""Metrics that need no query: the end of the range that bounds each, and an example."""


class ObjectReference(ForeignModel):
    """Another object, in the same namespace where none is named."""

    api_version: str = ""
    kind: str = ""
    name: str
    namespace: str = ""


class ThresholdRange(ForeignModel):
    """The range in which a metric is good; both ends are good."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _has_an_inside(self) -> ThresholdRange:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"no value is at least {self.min:g} and at most {self.max:g}: min is over max")
        return self

    def holds(self, value: float) -> bool:
        """Whether a value is good."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def __str__(self) -> str:
        low = f"at least {self.min:g}" if self.min is not None else ""
        high = f"at most {self.max:g}" if self.max is not None else ""
        return " and ".join(one for one in (low, high) if one)


class CanaryMetric(ForeignModel):
    """One measure of the new version."""

    name: str
    """A built-in one (`request-success-rate` in percent, `request-duration` in ms at p99) or a name for `templateRef`."""
    interval: Duration = 60.0
    """Window of the query, seconds."""
    threshold_range: ThresholdRange | None = None
    threshold: float | None = None
    """Flagger's older field: the least good percentage of request-success-rate, else the greatest good value."""
    template_ref: ObjectReference | None = None
    query: str = ""
    """Flagger's older field: a query to the Canary's Prometheus, with the variables of a MetricTemplate."""
    template_variables: dict[str, str] = Field(default_factory=dict)
    # Sluice's own; Flagger does not know them.
    counted: CountedSeries | None = None
    """A ratio or a latency of the user's own, counted at every scrape as the built-in ones are."""
    every: Duration | None = Field(default=None, ge=2.0)
    """With `templateRef`: look at the query so often during a step and judge it as a gauge, such as a queue's age."""
    weight: float = Field(default=1.0, gt=0)
    """With `analysis.comparison`: the weight that this metric has in the score, relative to the other metrics."""
    critical: bool = False
    """Where it is worse than the baseline's, the score is 0, whatever the other metrics say."""

    @property
    def is_counted(self) -> bool:
        """Whether requests are counted for it, by the data plane or by series that it names."""
        return not self.is_asked

    @property
    def is_asked(self) -> bool:
        """Whether a query of the user's own gives its value."""
        return self.template_ref is not None or (
            bool(self.query) and self.counted is None and self.name not in BUILT_IN
        )

    def unsupported(self, path: str = "") -> Iterator[str]:
        yield from super().unsupported(path)
        if self.query and (self.template_ref or self.name in BUILT_IN or self.counted):
            yield f"{path}.query"

    @property
    def is_gauge(self) -> bool:
        """Whether its query is looked at during a step, and not at its end only."""
        return self.every is not None

    @model_validator(mode="before")
    @classmethod
    def _of_older_manifests(cls, manifest: Any) -> Any:
        """`threshold` is one end of `thresholdRange`, where that is not set."""
        if not isinstance(manifest, dict) or manifest.get("threshold") is None:
            return manifest
        if manifest.get("thresholdRange") is not None or manifest.get("threshold_range") is not None:
            return manifest
        counted = manifest.get("counted")
        rate = "quantile" not in counted if isinstance(counted, dict) else manifest.get("name") == SUCCESS_RATE
        return {**manifest, "thresholdRange": {"min" if rate else "max": manifest["threshold"]}}

    @model_validator(mode="after")
    def _bounded(self) -> CanaryMetric:
        bounds = self.threshold_range
        if bounds is None or (bounds.min is None and bounds.max is None):
            raise ValueError(f"metric {self.name} has no bound: set thresholdRange.min or thresholdRange.max")
        if self.counted and self.template_ref:
            raise ValueError(f"metric {self.name} has both counted and templateRef: take one of them away")
        if self.is_gauge and not self.is_asked:
            raise ValueError(f"metric {self.name} has every and no query: add a templateRef, or take every away")
        if self.is_counted:
            side, example = self._counted_by()
            if getattr(bounds, side) is None:
                raise ValueError(f"metric {self.name} needs thresholdRange.{side}, for example {example}")
            if side == "min" and not 0 < (bounds.min or 0) <= 100:
                raise ValueError(f"metric {self.name}: thresholdRange.min is a percentage, more than 0 and at most 100")
        return self

    def _counted_by(self) -> tuple[str, int]:
        """The side of the range that bounds it, and an example: a least good percentage, or most milliseconds."""
        if self.counted:
            return ("min", 99) if self.counted.quantile is None else ("max", 500)
        if self.name not in BUILT_IN:
            known = ", ".join(sorted(BUILT_IN))
            raise ValueError(f"metric {self.name} is not built in ({known}): add a templateRef, or counted")
        return BUILT_IN[self.name]
