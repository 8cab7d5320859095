"""`sluice.judge.bets.single` on many releases at once: bets on single requests, with the dispersion and the brake."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from bench.judge.judges.bets import Plan, wealth
from bench.judge.streams import ALLOWED, Ints, Reals, Streams

EXCESS = (2.0, 4.0, 12.0, 100.0)
PLAN = Plan(prior=(0.6, 0.22, 0.1, 0.08))
BRAKE, BRAKE_A_SECOND, BRAKE_BLOCKS = 2.0, 0.5, 4
FIRST_SECONDS, LONGEST = 2.0, 8.0
MOST_NATS, TRUST, CHANCE = 50.0, 2.0, 2.0
"""The product's numbers, written a second time: a test holds the two against each other."""


@lru_cache(maxsize=2)
def by_request(streams: Streams, _alpha: float = 0.0) -> tuple[Reals, ...]:
    """Likelihood ratios of requests; wins are divided by the dispersion, and no faster than the blocks before allow."""
    live = streams.canary.requests > 0
    start = np.maximum(BRAKE, BRAKE_A_SECOND * np.minimum(seconds(streams), LONGEST))[..., None]
    found = []
    for bad in streams.canary.bad:
        log_factors = unbraked(streams.canary.requests, bad)
        usual = np.zeros_like(log_factors[:, 0])
        for block in range(live.shape[1]):
            won = np.minimum(log_factors[:, block], start[:, block] + np.maximum(usual, 0))
            log_factors[:, block] = won
            usual += np.where(live[:, block, None], (won - usual) / BRAKE_BLOCKS, 0.0)
        found.append(wealth(np.exp(log_factors), live, PLAN))
    return tuple(found)


def seconds(streams: Streams) -> Reals:
    """How long each block lasted: since the last one with requests."""
    ended = np.maximum.accumulate(np.where(streams.canary.requests > 0, streams.times, 0), axis=1)
    before = np.hstack([np.zeros((len(ended), 1)), ended[:, :-1]])
    lasted: Reals = np.where(before == 0, FIRST_SECONDS, streams.times - before)
    return lasted


def unbraked(requests: Ints, bad: Ints) -> Reals:
    """Logarithms of the factors: what is won is divided by the dispersion, what is lost is not."""
    log_factors = ratios(requests, bad)
    by_chance = CHANCE * np.sqrt(2 / (TRUST + np.cumsum(requests > 0, axis=1)))
    spread = np.maximum(1, dispersion(requests, bad) - by_chance)
    divided: Reals = np.minimum(log_factors, log_factors / spread[..., None])
    return np.minimum(divided, MOST_NATS)


def ratios(requests: Ints, bad: Ints) -> Reals:
    """Logarithms of the likelihood ratios of independent requests."""
    odds = np.asarray(EXCESS) * ALLOWED / (1 - ALLOWED)
    shares = odds / (1 + odds)
    log_bad, log_good = np.log(shares / ALLOWED), np.log((1 - shares) / (1 - ALLOWED))
    found: Reals = bad[..., None] * log_bad + (requests - bad)[..., None] * log_good
    return found


def dispersion(requests: Ints, bad: Ints) -> Reals:
    """How many times the binomial's the variance of the blocks' bad counts is, by all blocks until each.

    An imagined first block of 1/p0 requests with one bad one gives the first real one something to differ from.
    """
    imagined = np.full((len(requests), 1), 1 / ALLOWED)
    n, f = np.hstack([imagined, requests]), np.hstack([imagined * ALLOWED, bad])
    total, failed = np.cumsum(n, axis=1), np.cumsum(f, axis=1)
    share = (failed + 0.5) / (total + 0.5 / ALLOWED)
    squares = np.cumsum(np.where(n > 0, f * f / np.maximum(n, 1), 0.0), axis=1) - failed * failed / total
    blocks = np.cumsum(n > 0, axis=1) - 1
    found: Reals = (TRUST + squares / (share * (1 - share))) / (TRUST + blocks)
    return found[:, 1:]
