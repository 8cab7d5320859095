"""What can be said of a revision at one moment, and the evidence for it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Verdict(StrEnum):
    """The judge's word at one moment."""

    CONTINUE = "continue"
    """Nothing against the revision, and not enough for it yet."""
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    """Every metric is within its bounds, as far as this step asks."""
    FAIL = "fail"
    """The revision breaks a bound."""
    NO_DATA = "no data"
    """Nothing was measured: neither good nor bad."""
    HOLD = "hold"
    """The bound is broken, but the primary fails alike: more traffic would prove nothing, and neither would less."""
    PROVIDER_DOWN = "provider down"
    """The metrics provider did not answer: nothing is known about the revision."""


class Silence(StrEnum):
    """Why nothing was counted. Evidence is frozen meanwhile: silence is neither success nor failure."""

    NO_TRAFFIC = "no traffic"
    """Neither half has requests."""
    STARVED = "starved"
    """By the primary's requests the canary should have had some too, and none came to an end: it may hang."""
    BLIND = "blind"
    """No sample came for several scrapes: whatever happens is not seen."""


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
