"""Keeps a part running: again and again, with growing and random pauses while it fails, until it is cancelled.

And stops a process: by a first signal in order, by a second one at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

LONGEST_PAUSE = 5.0
"""Seconds between attempts of a part that keeps failing."""
SPELL = 60.0
"""Seconds after which a part that fails had worked: its failure is a new one, to be logged and soon tried again."""

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
    failed, clock = 0, asyncio.get_running_loop().time
    while True:
        began = clock()
        try:
            await step()
            if failed:
                log.warning("%s works again after %d failed rounds", what, failed)
            failed, pause = 0, every
        except fatal:
            raise
        except Exception as error:  # one bad round must not end a part that hundreds of runs lean on
            failed = 1 if clock() - began > SPELL else failed + 1
            pause = min(max(every, 0.1) * 2 ** min(failed, 8), LONGEST_PAUSE)
            if failed == 1:
                log.warning("%s fails, trying again: %r", what, error)
            log.debug("%s failed", what, exc_info=error)
        await asyncio.sleep(pause * random.uniform(0.7, 1.3))


async def until(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """Await `work` until it ends or `stop` is set; then cancel it and let it end its own way."""
    task = asyncio.ensure_future(work)
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()):
        raise error


async def end(process: asyncio.subprocess.Process, within: float) -> None:
    """End a process: orderly, and by force where that takes longer than `within` seconds. One that has ended is left."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(within):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@contextmanager
def stop_signal() -> Iterator[asyncio.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
