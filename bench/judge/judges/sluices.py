"""Sluice's rules on many releases at once: evidence of each metric, comparison to the primary, when a release is failed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from bench.judge.judges.bets import Plan, block_factors, wealth
from bench.judge.judges.singles import by_request
from bench.judge.streams import ALLOWED, METRICS, Flags, Half, Ints, Reals, Streams

LEAST_BAD, LEAST_BAD_BLOCKS = 3, 2
"""Bad requests, and blocks with any, that a rollback needs at least."""
TIER = 8.0
"""Times the error rate that a release may be failed which keeps its objective but is worse than the primary."""
ON_BLOCKS = 0.2
"""Part of the wealth that bets on blocks; the rest bets on single requests."""
ODDS = (1.5, 2.5, 5.0, 15.0, 100.0)
"""How many times the primary's odds of failure the canary's are, in the bets of the comparison."""
RELATIVE_PLAN = Plan(prior=(1 / len(ODDS),) * len(ODDS), first=0.7)
RELATIVE_CAP = 4.56
"""Most nats that one block adds to the comparison."""

Rule = Callable[[Streams, float], tuple[Reals, ...]]
"""Evidence of each metric after each scrape: [releases, scrapes]. The error rate is for caps only."""


@lru_cache(maxsize=2)
def absolute(streams: Streams, _alpha: float = 0.0) -> tuple[Reals, ...]:
    """`sluice.judge.bets.blocks`: bets on each block against the objective."""
    n = streams.canary.requests
    return tuple(wealth(block_factors(n, bad, ALLOWED), n > 0, Plan()) for bad in streams.canary.bad)


def interleaved(streams: Streams, _alpha: float = 0.0) -> tuple[Reals, ...]:
    """Odd and even blocks as two e-processes, averaged: blocks that follow each other may depend on each other."""
    return tuple(_interleaved(streams.canary.requests, bad, Plan()) for bad in streams.canary.bad)


@lru_cache(maxsize=2)
def relative(streams: Streams, design_effect: float = 1.0) -> tuple[Reals, ...]:
    """Bets that a bad request is the canary's more often than its share of the traffic says."""
    return tuple(_relative(streams.canary, streams.primary, metric, design_effect) for metric in range(METRICS))


def mixed(rule: Rule, part: float = ON_BLOCKS) -> Rule:
    """One part on blocks, the rest by a rule that counts requests."""

    def both(streams: Streams, alpha: float) -> tuple[Reals, ...]:
        pairs = zip(absolute(streams), rule(streams, alpha), strict=True)
        return tuple(part * blocks + (1 - part) * single for blocks, single in pairs)

    return both


def with_control(rule: Rule, tier: float = 1.0) -> Rule:
    """Evidence against "no worse than the primary", as far as `tier` times that against the objective goes."""

    def both(streams: Streams, alpha: float) -> tuple[Reals, ...]:
        pairs = zip(rule(streams, alpha), relative(streams), strict=True)
        return tuple(np.minimum(tier * one, other) for one, other in pairs)

    return both


def judge(streams: Streams, evidence: tuple[Reals, ...], alpha: float) -> Reals:
    """Second at which each release is rolled back, infinity where it is not.

    One error budget for all metrics, and the guards on the metric that is worst.
    """
    together = sum(evidence) / len(evidence)
    enough = np.stack([_guard(bad) for bad in streams.canary.bad])
    worst = np.argmax(np.stack(evidence), axis=0)
    guarded = np.take_along_axis(enough, worst[None], axis=0)[0]
    return first_time((together >= 1 / alpha) & guarded, streams.times)


def first_time(fires: Flags, times: Ints) -> Reals:
    """Time of the first scrape at which something is so; infinity where it never is."""
    first = np.argmax(fires, axis=1)
    rows = np.arange(len(fires))
    return np.where(fires[rows, first], times[rows, first], np.inf)


def _guard(bad: Ints) -> Flags:
    enough: Flags = (np.cumsum(bad, axis=1) >= LEAST_BAD) & (np.cumsum(bad > 0, axis=1) >= LEAST_BAD_BLOCKS)
    return enough


def _interleaved(requests: Ints, bad: Ints, plan: Plan) -> Reals:
    live = requests > 0
    number = np.cumsum(live, axis=1)
    factors = block_factors(requests, bad, ALLOWED)
    halves = [wealth(factors, live & (number % 2 == odd), plan) for odd in (0, 1)]
    mean: Reals = (halves[0] + halves[1]) / 2
    return mean


def _relative(canary: Half, primary: Half, metric: int, design_effect: float) -> Reals:
    n, m, f, g = canary.requests, primary.requests, canary.bad[metric], primary.bad[metric]
    share = (n / np.maximum(n + m, 1))[..., None]
    odds = np.asarray(ODDS)
    # With q_k = r n / (r n + m) both ratios need only the canary's share of the traffic: q_k/q_1 and (1 - q_k)/(1 - q_1).
    spread = np.log1p((odds - 1) * share)
    # No more requests fail as one than failed at all.
    effect = np.clip(f + g, 1, design_effect)[..., None]
    log_factors = (f[..., None] * (np.log(odds) - spread) - g[..., None] * spread) / effect
    factors = np.exp(np.minimum(log_factors, RELATIVE_CAP))
    return wealth(factors, (n > 0) & (m > 0), RELATIVE_PLAN)


RULES: dict[str, Rule] = {
    "sluice": with_control(mixed(by_request), TIER),
    "interleaved": with_control(interleaved),
    "no primary": absolute,
}
"""The product's rules by the names of the tables: as it is, with `interleave`, and where there is nobody to compare with."""
