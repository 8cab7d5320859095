"""A verdict with what it rests on, for people, for charts and for the run that acts on it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from pydantic import BaseModel, ConfigDict

from sluice.judge.bets.posterior import exceeds
from sluice.judge.verdict import Silence, Verdict
from sluice.measures.counts import Counts
from sluice.measures.reading import Reading

Z95 = 1.959964
"""Quantile of the normal distribution that leaves 2.5 % on each side."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one metric since the release began.

    Attributes:
        allowed: the bad fraction that the objective allows (p0).
        canary, primary: what was counted of each side.
        interval: 95 % interval of the canary's bad fraction (Wilson); it describes, it decides nothing.
        evidence: natural logarithm of the evidence against the objective being kept.
        control: natural logarithm of the evidence against "no worse than the primary".
        assurance: natural logarithm of this step's evidence for the objective being kept.
    """

    metric: str
    allowed: float
    canary: Counts
    primary: Counts
    interval: tuple[float, float]
    evidence: float
    control: float
    assurance: float

    @property
    def posterior(self) -> float:
        """How probable it is by now that the canary breaks the objective; like the interval it decides nothing."""
        return exceeds(self.allowed, self.canary.requests, self.canary.bad)


class Judgement(BaseModel):
    """A verdict with what it rests on; `reason` is the sentence a person reads.

    Attributes:
        silence: for NO_DATA, and for a FAIL by silence: which kind.
        measured: for a FAIL: whether it is what users of the canary were seen to get. What else fails a release, such as a
            closed gate, silence, or requests that no backend got, no flag is the cause of.
        findings: what the evidence of each counted metric is; none on CONTINUE.
    """

    model_config = ConfigDict(frozen=True)
    verdict: Verdict
    reason: str
    readings: tuple[Reading, ...] = ()
    silence: Silence | None = None
    measured: bool = False
    findings: tuple[Finding, ...] = ()


def wilson(requests: int, bad: int) -> tuple[float, float]:
    """95 % interval of a fraction (Wilson 1927): it stays between 0 and 1, and means something for few requests too."""
    if requests == 0:
        return 0.0, 1.0
    square = Z95 * Z95
    share, weight = bad / requests, requests + square
    middle = (bad + square / 2) / weight
    spread = Z95 / weight * sqrt(requests * share * (1 - share) + square / 4)
    return max(0.0, middle - spread), min(1.0, middle + spread)
