"""When a revision meets its first users: shortly before a scrape, so that a bad one is found sooner.

Nothing is known of a revision before the first scrape of its traffic, and two scrapes are the least that fails one. Traffic
that begins right after a scrape is a whole period that nobody sees; begun `LEAD` before one, it is seen after that time.
"""

from __future__ import annotations

from asyncio import sleep
from itertools import pairwise
from statistics import median

from sluice.errors import TransientError
from tasks.measuring.measure import Measures
from tasks.scene.rollout_ref import Scene

LEAD = 0.6
"""Seconds before a scrape: a route takes some tenths to be in force, and some requests have to come to their end."""
LONGEST = 15.0
"""Seconds between scrapes beyond which nobody waits for one."""
LOOK_BACK = 2.5 * LONGEST


async def until_well_timed(scene: Scene) -> None:
    """Wait until a scrape is near; not at all where scrapes are not known, rare, or not what is judged by."""
    measures = Measures.of(scene)
    try:
        times = await measures.scraped(LOOK_BACK)
    except TransientError:
        return  # the judge will find out, and say so
    await sleep(pause(times, measures.metrics.now()))


def pause(times: list[float], now: float) -> float:
    """Seconds until `LEAD` before the next scrape, where they come as regularly as the last ones did.

    Args:
        times: of the last scrapes, rising, seconds since the epoch.
    """
    if len(times) < 3:
        return 0.0
    period = median(later - earlier for earlier, later in pairwise(times))
    if period > LONGEST or now - times[-1] > 2 * period:
        return 0.0
    return (times[-1] - LEAD - now) % period
