"""Requests that the canary should have had by its weight, and that nobody counted: where are they?

A data plane that has no backend for the canary's share answers itself, and no backend's counter counts that: of the requests
that are counted all may be good. So a step does not pass while more than half of the canary's share is missing. Half is far
from what any good release shows: a weight is kept within a few percent, and slow answers only come later.

Where the data plane counts what it answered with an error itself, and that accounts for half of what is missing, its users
meet errors at this moment: then the release goes home.
"""

from __future__ import annotations

from math import exp, log

from sluice.measures.counts import Sides

HALF = 0.5
"""Part of its weight that the canary has to have had at least."""
FEWEST = 3
"""Requests that the data plane has to have failed at least: as many as the judge needs of a backend's."""
CHANCE = 1e-6
"""Bound on the chance, at one look, that a canary which gets half of its weight has so few requests."""


def missing(weight: int, sides: Sides) -> str:
    """Why a step may not pass: the canary had far fewer requests than its weight; empty where it did not.

    Args:
        weight: the canary's share of the traffic, percent.
        sides: requests of the same stretch of time, both counted by the data plane.
    """
    canary, total = sides.canary.requests, sides.canary.requests + sides.primary.requests
    if not 0 < weight < 100 or not total:
        return ""
    least = HALF * weight / 100
    if canary >= least * total or _at_most(canary / total, least, total) > CHANCE:
        return ""
    share = f"{100 * canary / total:.2g} % where its weight is {weight} %"
    return (
        f"the canary answered {canary:,} of {total:,} requests, {share}: "
        "the data plane may have answered the others itself; look at the canary's Service, its endpoints and the route"
    )


def unserved(weight: int, sides: Sides, answered: float) -> str:
    """Why the release goes home: requests of its share were failed on their way; empty where nothing says so.

    Args:
        answered: what the data plane answered with an error itself in the same stretch of time, also for other applications.
    """
    why = missing(weight, sides)
    if not why:
        return ""
    short = sides.primary.requests * weight / (100 - weight) - sides.canary.requests
    if answered < max(FEWEST, HALF * short):
        return ""
    return f"the data plane answered {answered:,.0f} requests with an error itself, which no backend served: {why}"


def _at_most(share: float, chance: float, total: int) -> float:
    """Bound on the chance that a share so small or smaller comes of `total` requests that are the canary's with `chance`.

    Chernoff's: exp(-n · KL(share ‖ chance)).
    """
    canary = share * log(share / chance) if share else 0.0
    return exp(-total * (canary + (1 - share) * log((1 - share) / (1 - chance))))
