"""Rules that are not in the product, tried for the rows in which bets on blocks are slow: small excess, rare scrapes.

A bet on a block's share of bad requests has to survive blocks without any, so at 100 requests/s it wins half of what the
counts say. Counting requests wins all of it, but takes a burst for many failures. What is tried:

- `requests`: the likelihood ratio of every single request, with the design effect of the primary's blocks.
- `careful`: the same with prior mass at small excess, and with what a block wins divided by the dispersion of the canary's
  own blocks, this one included. Losses count in full, so a factor is never more than that of independent requests: an
  e-value whatever the dispersion says, and slow where bursts are.
- `braked`: careful, and what a block wins is at most a start and what the blocks before it won on average: a failure that
  stays soon wins all it can, a burst is over before. The bound is known before the block, so factors stay e-values.
- `pods`: bets on blocks, one for each of four pods.
- `two_tier`: two error rates. A release that is no worse than the primary is taken back at most at the rate alpha, for
  the comparison alone needs that much; one that keeps its objective, but is worse than the primary, at most at `tier` times
  alpha. Without a primary there is no second tier.
- `mixed`: one part in `tier` of the wealth bets on blocks and the rest counts requests, so that blocks alone still decide at
  the rate alpha.
"""

from __future__ import annotations

from functools import lru_cache
from math import log

import numpy as np

from bench.judge.bets import FIRST_STAKE, Plan, block_factors, wealth
from bench.judge.sluices import Rule, absolute, gated, relative
from bench.judge.streams import ALLOWED, METRICS, Ints, Reals, Streams

PODS = 4
GRID = tuple(float(1 / (1 + np.exp(-z))) for z in np.linspace(log(0.015 / 0.985), log(0.95 / 0.05), 10))
"""Ten shares of bad requests, evenly on the scale of log odds, that `requests` bets on."""
EXCESS = (1.7, 2.5, 5.0, 14.0, 100.0)
"""How many times the objective's odds of failure a careful bet is on."""
EXCESS_PLAN = Plan(prior=(0.4, 0.3, 0.15, 0.08, 0.07), first=0.9)
CAREFUL_CAP, REQUEST_CAP = 0.5, 0.4
"""Most that one block adds, as a share of the evidence that is needed."""
MOST_NATS = 50.0
"""Keeps a factor finite; a verdict needs a fraction of it."""
BRAKE, BRAKE_A_SECOND, BRAKE_BLOCKS = 2.0, 0.25, 4
"""Nats that a braked block may win from the start: so many, or so many for each second of it, whichever is more; and the
number of blocks that what was won is averaged over."""
TRUST = 2.0
"""Blocks' worth of belief that requests are independent, before there are blocks."""
STEADY_BETS = (0.1, 0.25, 0.5, 0.7, 0.9, 0.999)
STEADY_PLAN = Plan(prior=(0.05, 0.1, 0.3, 0.2, 0.1, 0.25), first=0.9)


def steady_blocks(streams: Streams, _alpha: float) -> tuple[Reals, ...]:
    """Bets on blocks with more of the stake on small excess, and more of it from the start."""
    n = streams.canary.requests
    return tuple(wealth(block_factors(n, bad, ALLOWED, STEADY_BETS), n > 0, STEADY_PLAN) for bad in streams.canary.bad)


def requests(streams: Streams, alpha: float) -> tuple[Reals, ...]:
    """Likelihood ratios of requests; the design effect is that of the primary's blocks before this one."""
    n, found = streams.canary.requests, []
    for bad, beside in zip(streams.canary.bad, streams.primary.bad, strict=True):
        size = np.maximum(streams.primary.requests.mean(axis=1, keepdims=True), 2)
        correlation = (np.maximum(1, dispersion(streams.primary.requests, beside)) - 1) / (size - 1)
        before = np.hstack([np.zeros((len(n), 1)), correlation[:, :-1]])
        log_factors = _ratios(n, bad, np.asarray(GRID)) / (1 + before * np.maximum(n - 1, 0))[..., None]
        plan = Plan(prior=(1 / len(GRID),) * len(GRID))
        found.append(wealth(np.exp(np.minimum(log_factors, _cap(REQUEST_CAP, alpha))), n > 0, plan))
    return tuple(found)


@lru_cache(maxsize=2)
def careful(streams: Streams, alpha: float) -> tuple[Reals, ...]:
    """Likelihood ratios of requests; what they win is divided by the dispersion of the canary's blocks."""
    n = streams.canary.requests
    most = _cap(CAREFUL_CAP, alpha)
    return tuple(wealth(np.exp(np.minimum(_careful(n, bad), most)), n > 0, EXCESS_PLAN) for bad in streams.canary.bad)


@lru_cache(maxsize=2)
def braked(streams: Streams, _alpha: float) -> tuple[Reals, ...]:
    """Careful, and no faster than the blocks before allow."""
    live = streams.canary.requests > 0
    start = max(BRAKE, BRAKE_A_SECOND * streams.scenario.scrape)
    found = []
    for bad in streams.canary.bad:
        log_factors = _careful(streams.canary.requests, bad)
        usual = np.zeros_like(log_factors[:, 0])
        for block in range(live.shape[1]):
            won = np.minimum(log_factors[:, block], start + np.maximum(usual, 0))
            log_factors[:, block] = won
            usual += np.where(live[:, block, None], (won - usual) / BRAKE_BLOCKS, 0.0)
        found.append(wealth(np.exp(log_factors), live, EXCESS_PLAN))
    return tuple(found)


def mixed(rule: Rule, tier: float) -> Rule:
    """One part in `tier` on blocks, the rest by a rule that counts requests."""

    def both(streams: Streams, alpha: float) -> tuple[Reals, ...]:
        pairs = zip(absolute(streams), rule(streams, alpha), strict=True)
        return tuple(blocks / tier + (1 - 1 / tier) * single for blocks, single in pairs)

    return both


def pods(streams: Streams, _alpha: float) -> tuple[Reals, ...]:
    """Bets on blocks of one pod each, four in a scrape: valid where the pods' failures do not depend on each other."""
    dice = np.random.default_rng(len(streams.times))
    n = streams.canary.requests
    found = []
    for bad in streams.canary.bad:
        served, failed = _split(n - bad, dice), _split(bad, dice)
        both = served + failed
        each = wealth(block_factors(both, failed, ALLOWED), both > 0, Plan(span=150 * PODS))
        found.append(each[:, PODS - 1 :: PODS])
    return tuple(found)


def two_tier(rule: Rule, tier: float) -> Rule:
    """The gate with an error rate of its own for each of its halves; the comparison takes requests for independent."""

    def both(streams: Streams, alpha: float) -> tuple[Reals, ...]:
        pairs = zip(rule(streams, alpha), relative(streams, 1.0), strict=True)
        return tuple(np.minimum(tier * one, other) for one, other in pairs)

    return both


def dispersion(requests: Ints, bad: Ints) -> Reals:
    """How many times the binomial's the variance of the blocks' bad counts is, by all blocks until each.

    An imagined first block of 1/p0 requests with one bad one gives the first real one something to differ from.
    """
    imagined = np.full((len(requests), 1), 1 / ALLOWED)
    n, f = np.hstack([imagined, requests]), np.hstack([imagined * ALLOWED, bad])
    total, failed = np.cumsum(n, axis=1), np.cumsum(f, axis=1)
    share = (failed + 0.5) / (total + 50)
    squares = np.cumsum(np.where(n > 0, f * f / np.maximum(n, 1), 0.0), axis=1) - failed * failed / total
    blocks = np.cumsum(n > 0, axis=1) - 1
    found: Reals = (TRUST + squares / (share * (1 - share))) / (TRUST + blocks)
    return found[:, 1:]


def _careful(requests: Ints, bad: Ints) -> Reals:
    """Logarithms of the factors: what is won is divided, what is lost is not."""
    odds = np.asarray(EXCESS) * ALLOWED / (1 - ALLOWED)
    log_factors = _ratios(requests, bad, odds / (1 + odds))
    divided: Reals = np.minimum(log_factors, log_factors / np.maximum(1, dispersion(requests, bad))[..., None])
    return np.minimum(divided, MOST_NATS)


def _ratios(requests: Ints, bad: Ints, shares: Reals) -> Reals:
    log_bad, log_good = np.log(shares / ALLOWED), np.log((1 - shares) / (1 - ALLOWED))
    found: Reals = bad[..., None] * log_bad + (requests - bad)[..., None] * log_good
    return found


def _cap(share: float, alpha: float) -> float:
    return share * log(METRICS / (alpha * FIRST_STAKE))


def _split(counts: Ints, dice: np.random.Generator) -> Ints:
    """Each block's counts dealt to the pods at random; the pods of a block follow each other."""
    dealt = dice.multinomial(counts, (1 / PODS,) * PODS)
    return dealt.reshape(len(counts), -1)


CANDIDATES: dict[str, Rule] = {
    "steady blocks": gated(steady_blocks),
    "pods": gated(pods),
    "requests": gated(requests),
    "careful": gated(careful),
    "block ×10": two_tier(absolute, 10),
    "mixed ×10": two_tier(mixed(careful, 10), 10),
    "braked ×10": two_tier(mixed(braked, 10), 10),
    "braked ×50": two_tier(mixed(braked, 50), 50),
}
"""The candidates by the names of the tables; all with the comparison to the primary."""
