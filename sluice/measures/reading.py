"""One metric in one window, as people and thresholds read it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Reading(BaseModel):
    """One metric in one window, as people and thresholds read it.

    Attributes:
        metric: its name in the Canary.
        value: what was measured in `unit`; None where there was nothing to measure.
        bound: the objective in words, such as `99 %` or `at most 30`.
        requests: how many requests the value rests on; None for a query of the user's own.
        good: how many of them were good; None where the value is no share of them.
        counted: what they are called: a gauge has looks.
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

    @property
    def measured(self) -> str:
        """The value with what it rests on and its objective, without the metric's name."""
        value = "no data" if self.value is None else f"{self.value:.4g}{self.unit and ' ' + self.unit}"
        return f"{value}{self._rest()}, objective {self.bound}"

    def _rest(self) -> str:
        if not self.requests:
            return ""
        share = "" if self.good is None else f"{self.good:,} of "
        return f" ({share}{self.requests:,} {self.counted})"

    def __str__(self) -> str:
        return f"{self.metric} {self.measured}"
