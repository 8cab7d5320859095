"""What happens to a service on top of its steady level of failures: blips, bursts, an outage."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

BLIP_LEVEL, BLIP_SECONDS = 0.3, (1, 2, 3)
OUTAGE_LEVEL, OUTAGE_SECONDS = 0.5, 60
BURST_MEAN = 0.01
"""Bursts of the canary alone average exactly what the objective allows: the hardest release that is still good."""
BLIP_MEAN = 0.005


class Shape(StrEnum):
    """Each is the same in every release of a scenario, at seconds of its own."""

    STEADY = "steady"
    """Requests fail independently."""
    BLIPS = "blips"
    """1 to 3 seconds of 30 % failures, shared by canary and primary, 0.5 % on average."""
    BURSTS = "bursts"
    """1 to 3 seconds of 30 % failures of the canary alone, 1 % on average: a good release to the letter."""
    OUTAGE = "outage"
    """60 seconds of 50 % failures, shared by canary and primary."""


def draw(shape: Shape, size: tuple[int, int], dice: np.random.Generator) -> tuple[Reals | None, Reals | None]:
    """Levels that replace the steady one where they are not NaN: the canary's and the primary's, [releases, seconds]."""
    match shape:
        case Shape.STEADY:
            return None, None
        case Shape.OUTAGE:
            begin = dice.integers(0, size[1] - OUTAGE_SECONDS, (size[0], 1))
            second = np.arange(size[1])
            both = np.where((second >= begin) & (second < begin + OUTAGE_SECONDS), OUTAGE_LEVEL, np.nan)
            return both, both
        case Shape.BLIPS:
            both = _blips(BLIP_MEAN, size, dice)
            return both, both
        case Shape.BURSTS:
            return _blips(BURST_MEAN, size, dice), None


def over(steady: float | Reals, shaped: Reals | None) -> Reals:
    """The level of each second."""
    if shaped is None:
        return np.asarray(steady, dtype=np.float64)
    return np.where(np.isnan(shaped), steady, shaped)


def _blips(mean: float, size: tuple[int, int], dice: np.random.Generator) -> Reals:
    """A renewal process that is stationary from the first second: blips of 30 %, and nothing at all in between."""
    releases, seconds = size
    lead = 600
    # A gap of geometric length between two blips; its mean makes the long-run average exactly `mean`.
    length = float(np.mean(BLIP_SECONDS))
    gap = length * (BLIP_LEVEL / mean - 1)
    left = np.zeros(releases, dtype=np.int64)
    levels = np.full((releases, seconds), np.nan)
    for second in range(-lead, seconds):
        begins = (left == 0) & (dice.random(releases) < 1 / gap)
        # `left` counts the rest of a blip, and one second of gap after it that no blip can begin in.
        left = np.where(begins, dice.choice(BLIP_SECONDS, releases) + 1, left)
        if second >= 0:
            levels[:, second] = np.where(left > 1, BLIP_LEVEL, 0.0)
        left = np.maximum(left - 1, 0)
    return levels
