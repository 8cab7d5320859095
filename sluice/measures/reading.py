"""One metric in one window, as people and thresholds read it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Reading(BaseModel):
    """One metric in one window, as people and thresholds read it.

    Attributes:
        metric: its name in the Canary.
        value: what was measured in `unit`; None where there was nothing to measure.
        bound: the bound in words, such as `min 99 %`.
        requests: how many requests the value rests on; None for a query of the user's own.
        counted: what they are called: a gauge has looks.
    """

    model_config = ConfigDict(frozen=True)
    metric: str
    value: float | None
    unit: str = ""
    bound: str
    within: bool
    requests: int | None = None
    counted: str = "requests"

    @property
    def measured(self) -> str:
        """The value with what it rests on and its bound, without the metric's name."""
        value = "no data" if self.value is None else f"{self.value:.4g}{self.unit and ' ' + self.unit}"
        rest = "" if self.requests is None else f" over {self.requests} {self.counted}"
        return f"{value}{rest} ({self.bound})"

    def __str__(self) -> str:
        return f"{self.metric} {self.measured}"
