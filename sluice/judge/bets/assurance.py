"""Evidence for a revision: the mirrored test, of "more than p1 of its requests are bad".

Under the null hypothesis that each request is bad with probability at least p1, the likelihood ratio of a rate θ < p1
against p1 has expectation at most 1 (Wald), and to the power 1/D too (Jensen), D being the design effect of requests that
fail in bursts. A uniform mixture of five rates reaches 1/beta with probability at most beta, whenever one looks (Ville).
It starts from nothing with each step and needs no cash: it depends on the step's counts alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log, log1p

from sluice.judge.bets.wealth import log_mean

RATES = (0.02, 0.1, 0.25, 0.5, 0.75)
"""The rates θ that the canary is shown to have, as fractions of p1."""


@dataclass(frozen=True, slots=True)
class Assurance:
    """What one metric has shown in one step; immutable.

    Attributes:
        blocks: how many blocks with requests the step had.
        requests, bad: requests of the step and those of them that were bad or may have been.
    """

    blocks: int = 0
    requests: int = 0
    bad: int = 0

    def add(self, requests: int, bad: int) -> Assurance:
        """The evidence after one more block; one without requests says nothing."""
        return Assurance(self.blocks + 1, self.requests + requests, self.bad + bad) if requests else self

    def log_wealth(self, bound: float, design_effect: float = 1.0) -> float:
        """Natural logarithm of the evidence that fewer than `bound` (p1) are bad; log(1/beta) or more means: pass."""
        good = self.requests - self.bad
        return log_mean([(self.bad * bad + good * fine) / design_effect for bad, fine in _factors(bound)])


@lru_cache(maxsize=256)
def _factors(bound: float) -> tuple[tuple[float, float], ...]:
    """Log factor of a bad request and of a good one, for each rate."""
    return tuple((log(rate), log1p(-rate * bound) - log1p(-bound)) for rate in RATES)
