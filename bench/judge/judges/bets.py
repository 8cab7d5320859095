"""Wealth of bets on many releases at once: the arithmetic of `sluice.judge`, an array in place of a number.

Wealth is kept as it is, not as a logarithm: an order of magnitude faster. It is cut at 1e250: every verdict fell long
before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.judge.streams import Flags, Ints, Reals

BETS = (0.02, 0.0437, 0.0956, 0.209, 0.457, 0.999)
PRIOR = (0.08, 0.08, 0.08, 0.08, 0.08, 0.60)
FIRST_STAKE, INVESTMENT_SPAN = 0.9, 150.0
"""The product's numbers, written a second time: a test holds the two against each other."""
HIGHEST = 1e250


@dataclass(frozen=True, slots=True)
class Plan:
    """How a stake of 1 is divided: among the bets, and over time.

    Attributes:
        prior: share of each bet.
        first: what is staked before the first block.
        span: blocks over which half of the rest is invested.
    """

    prior: tuple[float, ...] = PRIOR
    first: float = FIRST_STAKE
    span: float = INVESTMENT_SPAN

    def cash(self, blocks: Reals) -> Reals:
        """What is left after the investments before so many blocks."""
        left = (1 - self.first) * self.span / (self.span + blocks - 1)
        return np.where(blocks == 0, 1.0, left)

    def invested(self, block: Reals) -> Reals:
        """What is staked just before the block of this number, the first being 0."""
        return np.where(block == 0, self.first, self.cash(np.maximum(block, 1)) - self.cash(block + 1))


def wealth(factors: Reals, live: Flags, plan: Plan) -> Reals:
    """Wealth after each block.

    Args:
        factors: what each bet's stake is multiplied by: [releases, blocks, bets].
        live: blocks that count; the others change nothing, not even the number of the block.
    """
    number = np.cumsum(live, axis=1)
    cash = plan.cash(number.astype(np.float64))
    shares = np.where(live, plan.invested(np.maximum(number - 1, 0).astype(np.float64)), 0.0)
    prior = np.asarray(plan.prior)
    stakes = np.zeros((len(live), len(prior)))
    found = np.empty(live.shape)
    for block in range(live.shape[1]):
        stakes += shares[:, block, None] * prior
        stakes *= np.where(live[:, block, None], factors[:, block], 1.0)
        np.minimum(stakes, HIGHEST, out=stakes)
        found[:, block] = stakes.sum(axis=1) + cash[:, block]
    return found


def block_factors(requests: Ints, bad: Ints, allowed: float, bets: tuple[float, ...] = BETS) -> Reals:
    """Bets on a block's share of bad requests: valid whatever the correlation inside the block."""
    excess = bad / np.maximum(requests, 1) - allowed
    return 1 + np.asarray(bets) / allowed * excess[..., None]
