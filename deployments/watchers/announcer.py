"""Announcing events until Prefect accepts them: watchers must not lose a change because Prefect is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from blocks.waits import pauses
from sluice.errors import TransientError
from sluice.events.model import Event

Post = Callable[[Sequence[Event]], Awaitable[object]]
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between attempts."""
log = logging.getLogger("sluice.watcher")


@dataclass(slots=True)
class Announcer:
    """Posts events in the background, each until Prefect has accepted it."""

    post: Post
    sending: set[asyncio.Task[None]] = field(default_factory=set)

    def announce(self, event: Event) -> None:
        """Post an event without waiting for it."""
        task = asyncio.create_task(self._send(event))
        self.sending.add(task)
        task.add_done_callback(self.sending.discard)

    async def _send(self, event: Event) -> None:
        waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            try:
                await self.post([event])
            except TransientError as error:
                log.warning("%s about %s is not accepted yet: %s", event.name, event.resource, error)
                await asyncio.sleep(next(waits))
            else:
                return
