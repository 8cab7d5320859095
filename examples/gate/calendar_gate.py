"""A gate of one's own: `calendar://` is closed at the times that the webhook's metadata names, such as Friday afternoons.

webhooks:
  - {name: no releases on weekends, type: confirm-rollout, url: "calendar://", metadata: {
      closed: "Fri 15:00-24:00, Sat, Sun", zone: Europe/Berlin}}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx

from blocks.gates.base import Answer
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_webhook import CanaryWebhook

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PART = re.compile(rf"({'|'.join(DAYS)})(?: (\d\d):(\d\d)-(\d\d):(\d\d))?")


@dataclass(frozen=True)
class CalendarGate:
    """Asks nobody but the clock, which a test may replace."""

    http: httpx.AsyncClient
    now: Callable[[tzinfo], datetime] = datetime.now

    async def ask(self, webhook: CanaryWebhook, canary: Canary) -> Answer:
        try:
            closed = list(_spans(webhook.metadata.get("closed", "")))
            now = self.now(ZoneInfo(webhook.metadata.get("zone", "UTC")))
        except (ValueError, ZoneInfoNotFoundError) as error:  # a calendar that cannot be read lets nobody pass
            return Answer(gate=webhook.name, open=False, said=str(error))
        minute = 60 * now.hour + now.minute
        for day, begin, end, text in closed:
            if day == now.weekday() and begin <= minute < end:
                return Answer(gate=webhook.name, open=False, said=f"closed on {text}; it is {now:%a %H:%M %Z}")
        return Answer(gate=webhook.name, open=True, said=f"open on {now:%a %H:%M %Z}")


def _spans(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Day of the week, first minute, minute after the last, and the words for it."""
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError(f"metadata.closed: {part!r} is no time; write for example 'Fri 15:00-24:00, Sat, Sun'")
        day, *times = found.groups(default="")
        hours = [int(one) for one in times if one] or [0, 0, 24, 0]
        yield DAYS.index(day), 60 * hours[0] + hours[1], 60 * hours[2] + hours[3], part
