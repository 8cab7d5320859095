"""The queue of a watcher: changes wait here until Prefect has accepted them, because none may be lost while Prefect is away.

One sender posts them in batches over one connection, so that a base image or a shared ConfigMap that changes a thousand
targets at once costs a few dozen calls. Of several changes of one thing that still wait only the newest is posted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from blocks.prefect.api import PAGE
from blocks.waits import pauses
from sluice.errors import TerminalError, TransientError
from sluice.events.model import Event

Post = Callable[[Sequence[Event]], Awaitable[object]]
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between attempts."""
BATCH = 2 * PAGE
"""Most events of one call. Prefect's API sets no limit to it; whether it has an event already it says for `PAGE` at once."""
log = logging.getLogger("sluice.watcher")


@dataclass(slots=True)
class Announcer:
    """Posts events in the background, in the order of their subjects, each until Prefect has accepted it.

    Attributes:
        post: hands a batch to Prefect.
        waiting: the newest event of each subject that Prefect has not accepted yet; so it never holds more than the cluster.
        sending: the sender while there is something to send.
    """

    post: Post
    waiting: dict[tuple[str, ...], Event] = field(default_factory=dict)
    sending: set[asyncio.Task[None]] = field(default_factory=set)

    def announce(self, event: Event) -> None:
        """Post an event without waiting for it."""
        self.waiting[event.subject] = event
        if not self.sending:
            task = asyncio.create_task(self._send())
            self.sending.add(task)
            task.add_done_callback(self.sending.discard)

    async def close(self) -> None:
        """Stop sending. What waits is seen again by the next watcher."""
        for task in self.sending:
            task.cancel()
        await asyncio.gather(*self.sending, return_exceptions=True)

    async def _send(self) -> None:
        waits, most = pauses(FIRST_PAUSE, LONGEST_PAUSE), BATCH
        while self.waiting:
            batch = list(islice(self.waiting.values(), most))
            try:
                await self.post(batch)
            except TransientError as error:
                log.warning("%d events are not accepted yet: %s", len(self.waiting), error)
                await asyncio.sleep(max(next(waits), error.retry_after or 0.0))
            except TerminalError as error:
                most = max(1, len(batch) // 2)  # which of them is refused?
                if len(batch) == 1:
                    log.error("%s about %s is refused: %s", batch[0].name, batch[0].resource, error)
                    self._done(batch)
                    await asyncio.sleep(next(waits))
            else:
                self._done(batch)
                waits, most = pauses(FIRST_PAUSE, LONGEST_PAUSE), min(2 * most, BATCH)

    def _done(self, batch: Sequence[Event]) -> None:
        """Forget what was posted, unless a newer event of its subject came meanwhile."""
        for event in batch:
            if self.waiting[event.subject] is event:
                del self.waiting[event.subject]
