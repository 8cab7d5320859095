"""What canary and baseline were asked side by side, as samples that can be compared by ranks.

A sample is the good share of the requests of one stretch of time, which is the same stretch for both. Stretches become
longer as a release goes on, so that there are never more than `MOST`: what is sparse (one request in a hundred fails)
is seen by the ranks only where most samples have some of it, and requests that fail in one burst are one sample, not
several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluice.judge.policy import BLOCK, BLOCK_SLACK
from sluice.measures.counts import Counts, Sides

LEAST = 8
"""Samples of each below which nothing is compared: with five only what is wholly apart is seen, and one odd one hides it."""
MOST = 40
"""Samples of each from which on neighbours are put together: ranks say little more by being many."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Good shares, percent, of canary and baseline, in the same stretches of time."""

    canary: tuple[float, ...] = ()
    baseline: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.canary)


def samples(moments: Sequence[tuple[float, Sides]]) -> Samples:
    """The samples of a release.

    Args:
        moments: time and counts since the release began at each scrape, oldest first; of the sides the second one is what
            the canary is compared with.
    """
    blocks = _blocks(moments)
    width = 1
    while len(blocks) > MOST * width:
        width *= 2
    # Cut from the beginning, so that more scrapes never change where an older sample ends, but by doubling.
    parts = [_together(blocks[at : at + width]) for at in range(0, len(blocks), width)]
    return Samples(tuple(_good(part.canary) for part in parts), tuple(_good(part.primary) for part in parts))


def _blocks(moments: Sequence[tuple[float, Sides]]) -> list[Sides]:
    """Stretches of at least two seconds in which both had requests; what is shorter waits for the next scrape."""
    blocks, begin, before = [], float("-inf"), Sides()
    for at, sides in moments:
        block = sides.since(before)
        if at - begin >= BLOCK * BLOCK_SLACK and block.canary.requests and block.primary.requests:
            blocks.append(block)
            begin, before = at, sides
    return blocks


def _together(blocks: Sequence[Sides]) -> Sides:
    return Sides(_sum([one.canary for one in blocks]), _sum([one.primary for one in blocks]))


def _sum(counts: Sequence[Counts]) -> Counts:
    return Counts(sum(one.requests for one in counts), sum(one.bad for one in counts))


def _good(counts: Counts) -> float:
    return 100.0 * (counts.requests - counts.bad) / counts.requests
