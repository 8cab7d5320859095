"""How the wealth of several bets is invested, kept and summed.

An e-process starts with a wealth of 1. A part of it plays from the first block on, the rest is invested block by block, so
that a regression which begins late is not buried under good traffic (weighted Shiryaev–Roberts; Shin, Ramdas & Rinaldo,
e-detectors). The investments sum to 1: what is staked and what is still cash stay a nonnegative supermartingale from 1, with
no horizon, so by Ville's inequality it ever reaches 1/alpha with probability at most alpha.

Each bet's wealth is a plain number, cut off at `RICHEST`; what is reported is the logarithm of their sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

FIRST_STAKE = 0.7
"""What plays from the first block on, of the initial 1, where nothing else is said."""
INVESTMENT_SPAN = 150
"""Blocks over which half of the remaining cash is invested."""
RICHEST = 1e250
"""Most that a bet may own: every verdict falls long before, nothing overflows, and having less is always valid."""


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


def cut_off(owned: list[float]) -> tuple[float, ...]:
    """What the bets own, none more than `RICHEST`."""
    return tuple(owned) if max(owned) <= RICHEST else tuple([min(one, RICHEST) for one in owned])


def log_mean(logs: Sequence[float]) -> float:
    """Logarithm of a mean of terms that are given by theirs; nothing but differences <= 0 is exponentiated.

    E-processes that share one error budget may be averaged, whatever their dependence. No terms are no evidence: 0.
    """
    if not logs:
        return 0.0
    highest = max(logs)
    return highest + log(sum([exp(one - highest) for one in logs]) / len(logs))
