"""Evidence against "this revision keeps its objective", gathered block by block and valid at every moment.

A block is what was counted between two scrapes: n requests, f of them bad. Under the null hypothesis that the expected bad
fraction of every block is at most p0, whatever the correlation inside a block, the factor 1 + λ(f/n − p0) has expectation
at most 1 for 0 ≤ λ < 1/p0: an e-value (betting, Waudby-Smith & Ramdas, arXiv 2010.09686). A mixture of bets is carried over
the whole release. Half of the stake plays from the start and the rest is invested block by block, so that a regression
which begins late is not buried under good traffic (weighted Shiryaev–Roberts; Shin, Ramdas & Rinaldo, e-detectors). The
wealth is a nonnegative supermartingale from 1, so by Ville's inequality it ever reaches 1/alpha with probability at most
alpha: looking at every scrape costs nothing.
"""

from __future__ import annotations

from math import exp, log, log1p

from pydantic import BaseModel, ConfigDict

BETS = (0.02, 0.0437, 0.0956, 0.209, 0.457, 0.999)
"""The bets λ as fractions of 1/p0."""
PRIOR = (0.12, 0.12, 0.12, 0.12, 0.12, 0.40)
"""How a stake is divided among the bets."""
FIRST_STAKE = 0.5
INVESTMENT_SPAN = 150
"""Blocks over which half of the remaining cash is invested."""
LEAST_OBJECTIVE, GREATEST_OBJECTIVE = 1e-6, 0.5


class Evidence(BaseModel):
    """The wealth of the bets against one metric; immutable, so that a state can be kept and restored bit for bit.

    Attributes:
        allowed: p0, the bad fraction that the objective allows.
        blocks: how many blocks with requests were seen.
        bad_blocks: how many of them had bad requests.
        requests, bad: how many requests, and bad ones, were seen.
        stakes: logarithm of each bet's wealth.
    """

    model_config = ConfigDict(frozen=True)
    allowed: float
    blocks: int = 0
    bad_blocks: int = 0
    requests: int = 0
    bad: int = 0
    stakes: tuple[float | None, ...] = (None,) * len(BETS)

    @classmethod
    def against(cls, allowed: float) -> Evidence:
        """No evidence yet against "at most the fraction `allowed` is bad"."""
        return cls(allowed=min(max(allowed, LEAST_OBJECTIVE), GREATEST_OBJECTIVE))

    def add(self, requests: int, bad: int) -> Evidence:
        """The evidence after one more block. A block without requests says nothing.

        Raises:
            ValueError: counts that cannot be (negative, or more bad ones than requests).
        """
        if not 0 <= bad <= requests:
            raise ValueError(f"a block of {requests} requests cannot have {bad} bad ones")
        if requests == 0:
            return self
        share = _investment(self.blocks)
        excess = bad / requests - self.allowed
        stakes = tuple(
            _log_sum(stake, log(share * prior)) + log1p(bet / self.allowed * excess)
            for stake, bet, prior in zip(self.stakes, BETS, PRIOR, strict=True)
        )
        return Evidence(
            allowed=self.allowed,
            blocks=self.blocks + 1,
            bad_blocks=self.bad_blocks + (1 if bad else 0),
            requests=self.requests + requests,
            bad=self.bad + bad,
            stakes=stakes,
        )

    @property
    def log_wealth(self) -> float:
        """Natural logarithm of the evidence; log(1/alpha) or more means: fail at error rate alpha."""
        wealth = log(_cash(self.blocks))
        for stake in self.stakes:
            wealth = _log_sum(stake, wealth)
        return wealth


def together(parts: list[Evidence]) -> float:
    """Logarithm of the evidence of several metrics that share one error budget: their mean wealth."""
    if not parts:
        return 0.0
    highest = max(part.log_wealth for part in parts)
    return highest + log(sum(exp(part.log_wealth - highest) for part in parts) / len(parts))


def _investment(block: int) -> float:
    """Share of the initial cash that is staked just before the given block; all of them sum to 1."""
    if block == 0:
        return FIRST_STAKE
    span = INVESTMENT_SPAN
    return (1 - FIRST_STAKE) * span / ((span + block - 1) * (span + block))


def _cash(blocks: int) -> float:
    """What is left of the initial 1 after the investments before `blocks` blocks: their sum telescopes."""
    if blocks == 0:
        return 1.0
    return (1 - FIRST_STAKE) * INVESTMENT_SPAN / (INVESTMENT_SPAN + blocks - 1)


def _log_sum(stake: float | None, other: float) -> float:
    if stake is None:
        return other
    high, low = max(stake, other), min(stake, other)
    return high + log1p(exp(low - high))
