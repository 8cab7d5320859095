"""Event webhooks: the user's services hear of all that happens in a release, in order, and hold nothing up.

Meaning and form as Flagger's (`CallEventWebhook`, pkg/controller/webhook.go): `metadata` has `eventMessage`, `eventType`
and `timestamp`, and what the webhook itself has of other names.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field

from sluice.rollout.news import News
from tasks.rollout.hooks.found import Found, found
from tasks.scene.rollout_ref import RolloutRef

TYPE = "event"
MOST = 200
"""Events that wait for a slow service; the oldest are dropped, and how many is said in the run's log."""
LAST = 30.0
"""Seconds that the end of a run waits for its last events."""
log = logging.getLogger("sluice.rollout")


@dataclass(slots=True)
class Feed:
    """What the event webhooks of one run have still to hear.

    Attributes:
        waiting: the webhooks as they were then, and what they hear.
        last: the message that was sent last; what says the same is not sent again.
        dropped: how many were given up.
    """

    ref: RolloutRef
    waiting: deque[tuple[Found, dict[str, str]]] = field(default_factory=lambda: deque(maxlen=MOST))
    last: str = ""
    dropped: int = 0
    _sending: asyncio.Task[None] | None = None

    def tell(self, news: News) -> None:
        """Have it sent, in its turn. Returns at once."""
        now = found(self.ref, TYPE)
        if now is None or news.message == self.last:
            return
        self.last = news.message
        if len(self.waiting) == MOST:
            self.dropped += 1
            log.warning("%s: event webhooks are slow: %d events were not sent", self.ref, self.dropped)
        sent = {"eventMessage": news.message, "eventType": news.type, "timestamp": str(int(time.time() * 1000))}
        self.waiting.append((now.at(news.phase, now.canary.status.last_applied_spec), sent))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def close(self) -> None:
        """Wait for the last ones, for as long as that is no burden."""
        if self._sending is None:
            return
        await asyncio.wait({self._sending}, timeout=LAST)
        if self._sending.cancel():
            log.warning("%s: event webhooks are slow: the last %d events were not sent", self.ref, len(self.waiting))

    async def _send(self) -> None:
        while self.waiting:
            now, sent = self.waiting.popleft()
            await asyncio.gather(*(self._send_one(now, number, sent) for number in range(len(now.webhooks))))

    async def _send_one(self, now: Found, number: int, sent: dict[str, str]) -> None:
        webhook = now.webhooks[number]
        answer = await now.call(webhook.model_copy(update={"metadata": {**webhook.metadata, **sent}}))
        if not answer.open:
            log.warning("%s: event webhook %s: %s", self.ref, answer.gate, answer.said)
