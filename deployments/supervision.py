"""Keeps a part running: again and again, with growing and random pauses while it fails, until it is cancelled."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

LONGEST_PAUSE = 5.0
"""Seconds between attempts of a part that keeps failing."""

log = logging.getLogger("sluice")


async def forever(
    what: str, step: Callable[[], Awaitable[object]], every: float, *, fatal: tuple[type[Exception], ...] = ()
) -> None:
    """Await `step` again and again, `every` seconds after it ended. Errors are logged once per spell and not raised.

    Args:
        what: the part's name in the log.
        step: one round, or a service that ends only when something is wrong.
        every: seconds of pause.
        fatal: errors that time cannot heal; these are raised.
    """
    failed = 0
    while True:
        try:
            await step()
            if failed:
                log.warning("%s works again after %d failed rounds", what, failed)
            failed, pause = 0, every
        except fatal:
            raise
        except Exception as error:  # one bad round must not end a part that hundreds of runs lean on
            failed += 1
            pause = min(max(every, 0.1) * 2 ** min(failed, 8), LONGEST_PAUSE)
            if failed == 1:
                log.warning("%s fails, trying again: %r", what, error)
            log.debug("%s failed", what, exc_info=error)
        await asyncio.sleep(pause * random.uniform(0.7, 1.3))
