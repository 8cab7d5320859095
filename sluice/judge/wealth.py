"""How the wealth of several bets is invested, kept and summed, in logarithms.

An e-process starts with a wealth of 1. A part of it plays from the first block on, the rest is invested block by block, so
that a regression which begins late is not buried under good traffic (weighted Shiryaev–Roberts; Shin, Ramdas & Rinaldo,
e-detectors). The investments sum to 1: what is staked and what is still cash stay a nonnegative supermartingale from 1, with
no horizon, so by Ville's inequality it ever reaches 1/alpha with probability at most alpha.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, log1p

FIRST_STAKE = 0.5
"""What plays from the first block on, of the initial 1, where nothing else is said."""
INVESTMENT_SPAN = 150
"""Blocks over which half of the remaining cash is invested."""


def investment(block: int, first: float = FIRST_STAKE) -> float:
    """Share of the initial cash that is staked just before the given block; all of them sum to 1."""
    if block == 0:
        return first
    span = INVESTMENT_SPAN
    return (1 - first) * span / ((span + block - 1) * (span + block))


def cash(blocks: int, first: float = FIRST_STAKE) -> float:
    """What is left of the initial 1 after the investments before `blocks` blocks: their sum telescopes."""
    if blocks == 0:
        return 1.0
    return (1 - first) * INVESTMENT_SPAN / (INVESTMENT_SPAN + blocks - 1)


def log_add(one: float, other: float) -> float:
    """Logarithm of a sum of two; the difference that is exponentiated is <= 0."""
    high, low = (one, other) if one > other else (other, one)
    return high + log1p(exp(low - high))


def log_sum(logs: Sequence[float]) -> float:
    """Logarithm of a sum whose terms are given by their logarithms; nothing but differences <= 0 is exponentiated."""
    highest = max(logs)
    if highest == float("-inf"):
        return highest
    return highest + log(sum([exp(one - highest) for one in logs]))


def log_mean(logs: Sequence[float]) -> float:
    """The same of a mean: e-processes that share one error budget may be averaged, whatever their dependence."""
    return log_sum(logs) - log(len(logs))
