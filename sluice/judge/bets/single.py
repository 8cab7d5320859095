"""Evidence against "this revision keeps its objective" that counts single requests, and brakes where they fail in bursts.

Null hypothesis: given all blocks before, the requests of a block fail independently of each other, each with probability
at most p0. Then the likelihood ratio of a share θ > p0 against p0, (θ/p0)^f · ((1−θ)/(1−p0))^(n−f) for f bad ones of n
requests, has expectation at most 1 (Wald): an e-value, and so is every number that is never larger. Three things make it
smaller and nothing makes it larger, so they need no assumption of their own, although they look at the block that is judged:

- what a block wins is divided by the dispersion of the blocks so far, this one included, as far as chance does not explain
  it; what it loses counts in full;
- it wins at most a start and what the blocks before it won on average, the brake: a failure that stays soon wins all that it
  can, a burst is over before;
- it wins at most `MOST_NATS`.

A mixture of four θ is carried over the release (`wealth.py`), and Ville's inequality holds for it at every look.

Not covered: requests of a block that fail together although their expected share is at most p0. There the brake keeps
releases from being failed, by experience and not by a bound. Bets on blocks (`evidence.py`; Waudby-Smith & Ramdas, arXiv
2010.09686) need no such assumption, and win half of what the counts say where a small excess meets many requests.
More bad requests mean more evidence only as long as the dispersion stays: they may show that there are bursts, and that
counts for less.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, log, log1p, sqrt

from sluice.judge.bets.wealth import cash, cut_off, investment

EXCESS = (2.0, 4.0, 12.0, 100.0)
"""How many times the objective's odds of failure each bet is on."""
PRIOR = (0.6, 0.22, 0.1, 0.08)
"""How a stake is divided among them: a small excess needs every nat, a large one wins them anyway."""
FIRST = 0.9
"""What plays from the first block on: a small excess takes many blocks to show, and its stake should not wait."""
BRAKE, BRAKE_A_SECOND = 2.0, 0.5
"""Nats that a block may win from the start: so many, or so many for each second of it, whichever is more. One block never
decides by this, and three or four of a failure that stays do."""
BRAKE_BLOCKS = 4
"""Blocks that "won on average" looks back on, the latest weighing most."""
LONGEST = 8.0
"""Seconds beyond which a block's length loosens the brake no more: after a silence a burst must not count as a minute's."""
MOST_NATS = 50.0
"""Keeps a factor finite; a verdict needs a fraction of it."""
TRUST = 2.0
"""Blocks' worth of belief that requests are independent, before there are blocks."""
CHANCE = 2.0
"""Standard deviations of a dispersion that are put down to chance: independent requests seem dispersed half of the time, and
paying for that costs a fifth of the time to a verdict. A burst's dispersion is ten and more."""


@dataclass(frozen=True, slots=True)
class RequestEvidence:
    """The wealth of the bets on single requests against one metric; immutable, of constant size, restored bit for bit.

    Attributes:
        allowed: p0, the bad fraction that the objective allows.
        blocks: how many blocks with requests were seen.
        requests, bad: how many requests, and bad ones, were seen.
        squares: sum over the blocks of their bad requests' square by their requests: what the dispersion is made of.
        usual: nats that each bet won a block, on average of the latest.
        owned: each bet's wealth.
    """

    allowed: float
    blocks: int = 0
    requests: int = 0
    bad: int = 0
    squares: float = 0.0
    usual: tuple[float, ...] = (0.0,) * len(EXCESS)
    owned: tuple[float, ...] = (0.0,) * len(EXCESS)

    def add(self, requests: int, bad: int, seconds: float) -> RequestEvidence:
        """The evidence after one more block of that many seconds. A block without requests says nothing."""
        if requests == 0:
            return self
        squares = self.squares + bad * bad / requests
        blocks, total, failed = self.blocks + 1, self.requests + requests, self.bad + bad
        by_chance = CHANCE * sqrt(2 / (TRUST + blocks))  # of χ² by its degrees of freedom
        spread = max(1.0, dispersion(self.allowed, blocks, total, failed, squares) - by_chance)
        start = max(BRAKE, BRAKE_A_SECOND * min(seconds, LONGEST))
        invested, good = investment(self.blocks, FIRST), requests - bad
        usual, after = [], []
        for owned, before, (of_bad, of_good, prior) in zip(self.owned, self.usual, _bets(self.allowed), strict=True):
            won = bad * of_bad + good * of_good
            if won > 0:
                won = min(won / spread, MOST_NATS, start + max(before, 0.0))
            usual.append(before + (won - before) / BRAKE_BLOCKS)
            after.append((owned + invested * prior) * exp(won))
        return RequestEvidence(self.allowed, blocks, total, failed, squares, tuple(usual), cut_off(after))

    @property
    def spread(self) -> float:
        """How many times as much as by chance the blocks' bad counts differ from each other, 1 at least."""
        return max(1.0, dispersion(self.allowed, self.blocks, self.requests, self.bad, self.squares))

    @property
    def wealth(self) -> float:
        """The evidence; 1/alpha or more means: fail at error rate alpha."""
        return cash(self.blocks, FIRST) + sum(self.owned)

    @property
    def log_wealth(self) -> float:
        """Its natural logarithm."""
        return log(self.wealth)


def dispersion(allowed: float, blocks: int, requests: int, bad: int, squares: float) -> float:
    """How many times the binomial's the variance of the blocks' bad counts is (Pearson's χ² by its degrees of freedom).

    An imagined first block of 1/p0 requests with one bad one gives the first real one something to differ from.
    """
    total, failed = requests + 1 / allowed, bad + 1.0
    share = (failed + 0.5) / (total + 0.5 / allowed)
    return (TRUST + (squares + allowed - failed * failed / total) / (share * (1 - share))) / (TRUST + blocks)


@lru_cache(maxsize=256)
def _bets(allowed: float) -> tuple[tuple[float, float, float], ...]:
    """Of each bet: log factor of a bad request and of a good one, and its prior."""
    found = []
    for excess, prior in zip(EXCESS, PRIOR, strict=True):
        # With odds of excess·p0/(1 − p0): θ/p0 = excess·(1 − θ)/(1 − p0).
        of_good = -log1p((excess - 1) * allowed)
        found.append((log(excess) + of_good, of_good, prior))
    return tuple(found)
