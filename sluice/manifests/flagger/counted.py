"""A counter or a histogram of a user's own, named so that its requests can be counted at every scrape.

Flagger has queries for this (MetricTemplate), which give a value over a window; counts give evidence at each scrape.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sluice.errors import InvalidError
from sluice.manifests.meta import ForeignModel
from sluice.patterns import compiled

NAME = r"^[a-zA-Z_:][a-zA-Z0-9_:]*$"


class CountedSeries(ForeignModel):
    """Series that count a service's requests, orders or messages. Values may use `{{ namespace }}`, `{{ service }}` and the
    other variables of a MetricTemplate."""

    series: str = Field(pattern=NAME)
    """Name of the counter, or of the histogram's buckets (`..._bucket`)."""
    label: str = Field(default="service", pattern=NAME)
    """The label that tells canary and primary apart."""
    canary: str = "{{ service }}-canary"
    primary: str = "{{ service }}-primary"
    baseline: str = "{{ service }}-baseline"
    where: dict[str, str] = Field(default_factory=lambda: {"namespace": "{{ namespace }}"})
    """Further labels and the values that they must have."""
    good: dict[str, str] = Field(default_factory=dict)
    """Labels of what counts as good, by regular expressions that must match whole; all else is bad."""
    bad: dict[str, str] = Field(default_factory=dict)
    """Labels of the series that count bad requests; all else is good."""
    quantile: float | None = Field(default=None, gt=0, lt=1)
    """For a histogram: the share that has to be within `thresholdRange.max` milliseconds, such as 0.95."""
    unit: Literal["s", "ms"] = "s"
    """The histogram's unit."""

    @model_validator(mode="after")
    def _one_meaning(self) -> CountedSeries:
        given = [bool(self.good), bool(self.bad), self.quantile is not None]
        if sum(given) != 1:
            raise ValueError("counted needs exactly one of good, bad (of a counter) and quantile (of a histogram)")
        for label, pattern in (self.good | self.bad).items():
            try:
                compiled(pattern, f"counted label {label}")
            except InvalidError as error:
                raise ValueError(str(error)) from error
        return self
