"""One metric in one window, as people and thresholds read it."""

from __future__ import annotations

from math import isinf

from pydantic import BaseModel, ConfigDict

from sluice.manifests.flagger.canary_metric import CanaryMetric, ThresholdRange


class Reading(BaseModel):
    """One metric in one window, as people and thresholds read it.

    Attributes:
        metric: its name in the Canary.
        value: what was measured in `unit`; None where there was nothing to measure.
        bound: the objective in words, such as `99 %` or `at most 30`.
        requests: how many requests the value rests on; None for a query of the user's own.
        good: how many of them were good; None where the value is no share of them.
        counted: what they are called: a gauge has looks.
        refused: why it cannot be measured at all, such as a query that nobody understands; empty where it can.
        missing: why there is no value, where more is to be said than that there is none.
    """

    model_config = ConfigDict(frozen=True)
    metric: str
    value: float | None
    unit: str = ""
    bound: str
    within: bool
    requests: int | None = None
    good: int | None = None
    counted: str = "requests"
    refused: str = ""
    missing: str = ""

    @property
    def measured(self) -> str:
        """The value with what it rests on and its objective, without the metric's name."""
        if self.refused:
            return f"cannot be measured: {self.refused}"
        value = (
            f"no data{self.missing and f' ({self.missing})'}"
            if self.value is None
            else f"{self.value:.4g}{self.unit and ' ' + self.unit}"
        )
        return f"{value}{self._rest()}, objective {self.bound}"

    def _rest(self) -> str:
        if not self.requests:
            return ""
        share = "" if self.good is None else f"{self.good:,} of "
        return f" ({share}{self.requests:,} {self.counted})"

    def __str__(self) -> str:
        return f"{self.metric} {self.measured}"


def queried(metric: CanaryMetric, value: float | None) -> Reading:
    """What a query of the user's own gave, against its range: Flagger's check.

    A division by zero is no proof that all is well: where infinity is within a range that has one end only, nothing was
    measured.
    """
    bounds = metric.threshold_range or ThresholdRange()
    within, missing = value is None or bounds.holds(value), ""
    if value is None:
        missing = "its query gives no series, or NaN (0 divided by 0)"
    elif isinf(value) and within:
        value, missing = None, f"its query gives {value:+} (a division by 0?)"
    return Reading(metric=metric.name, value=value, bound=str(bounds), within=within, missing=missing)


def refused(metric: CanaryMetric, reason: str) -> Reading:
    """A metric that cannot be measured, whatever the release does: a failed check that says why."""
    return Reading(metric=metric.name, value=None, bound=str(metric.threshold_range), within=False, refused=reason)
