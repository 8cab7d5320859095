"""A Gate that is a number: open while a query's value lies in a range."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from sluice.durations import Duration
from sluice.manifests.flagger.canary_metric import ObjectReference, ThresholdRange
from sluice.manifests.meta import ForeignModel


class MetricSpec(ForeignModel):
    """Which query, and which values are good."""

    template_ref: ObjectReference | None = None
    """A MetricTemplate; of the Gate's namespace where it names none."""
    query: str = ""
    """A query to Prometheus: the Canary's `metricsServer`, or the installation's."""
    threshold_range: ThresholdRange
    interval: Duration = Field(default=60.0, gt=0)
    """`{{ interval }}` of the query."""
    every: Duration = Field(default=30.0, ge=1.0)
    """Seconds between two looks while the value is not good."""
    template_variables: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_query(self) -> Self:
        if bool(self.template_ref) == bool(self.query):
            raise ValueError("a metric is asked by `templateRef` or by `query`: give one of them")
        if self.threshold_range.min is None and self.threshold_range.max is None:
            raise ValueError("thresholdRange: give min, max or both, else any value is good")
        return self
