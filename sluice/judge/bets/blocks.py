"""Evidence against "this revision keeps its objective", gathered block by block and valid at every moment.

A block is what was counted between two scrapes: n requests, f of them bad. Under the null hypothesis that the expected bad
fraction of every block is at most p0, whatever the correlation inside a block, the factor 1 + λ(f/n − p0) has expectation
at most 1 for 0 ≤ λ < 1/p0: an e-value (betting, Waudby-Smith & Ramdas, arXiv 2010.09686). A mixture of bets is carried over
the whole release and never reset (`wealth.py`): looking at every scrape costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from sluice.judge.bets.wealth import cash, cut_off, investment

BETS = (0.02, 0.0437, 0.0956, 0.209, 0.457, 0.999)
"""The bets λ as fractions of 1/p0."""
PRIOR = (0.08, 0.08, 0.08, 0.08, 0.08, 0.60)
"""How a stake is divided among the bets: most is on failures that show in two blocks; of small ones single requests say
more."""
FIRST = 0.9
"""What plays from the first block on. Most bad versions fail from their first request on; later a burst meets small stakes,
where a failure that lasts needs one block more at most."""
LEAST_OBJECTIVE, GREATEST_OBJECTIVE = 1e-6, 0.999
_TERMS = tuple(zip(BETS, PRIOR, strict=True))


@dataclass(frozen=True, slots=True)
class Evidence:
    """The wealth of the bets against one metric; immutable, so that a state can be kept and restored bit for bit.

    Attributes:
        allowed: p0, the bad fraction that the objective allows.
        blocks: how many blocks with requests were seen.
        bad_blocks: how many of them had bad requests.
        requests, bad: how many requests, and bad ones, were seen.
        owned: each bet's wealth.
    """

    allowed: float
    blocks: int = 0
    bad_blocks: int = 0
    requests: int = 0
    bad: int = 0
    owned: tuple[float, ...] = (0.0,) * len(BETS)

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
        return Evidence(
            self.allowed,
            self.blocks + 1,
            self.bad_blocks + (1 if bad else 0),
            self.requests + requests,
            self.bad + bad,
            self._played((bad / requests - self.allowed) / self.allowed),
        )

    def _played(self, excess: float) -> tuple[float, ...]:
        """Each bet's wealth after the block's investment and then its outcome; `excess` is f/n − p0 in units of p0."""
        invested = investment(self.blocks, FIRST)
        played = zip(self.owned, _TERMS, strict=True)
        return cut_off([(owned + invested * prior) * (1 + bet * excess) for owned, (bet, prior) in played])

    @property
    def wealth(self) -> float:
        """The evidence; 1/alpha or more means: fail at error rate alpha."""
        return cash(self.blocks, FIRST) + sum(self.owned)

    @property
    def log_wealth(self) -> float:
        """Its natural logarithm."""
        return log(self.wealth)
