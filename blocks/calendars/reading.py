"""Reads calendars that nobody vouches for, in processes of their own with little time and memory."""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

from blocks.programs import ended
from sluice.errors import InvalidError, TransientError
from sluice.gates.calendar_events import Wanted
from sluice.manifests.own.freeze import MOST_EVENTS, FrozenEvent

AHEAD = timedelta(days=400)
"""How far events are listed ahead."""
BEFORE = timedelta(days=1)
TIMEOUT = 60.0
"""Seconds for one calendar on a busy machine; of a processor it gets fewer."""
_PROGRAM = "blocks.calendars.events_apart"


@dataclass(frozen=True, slots=True)
class Read:
    """What a calendar has.

    Attributes:
        events: those that count, by their beginning.
        covers_until: up to when all of them are listed.
    """

    events: tuple[FrozenEvent, ...]
    covers_until: str


async def read(text: bytes, wanted: Wanted, now: datetime) -> Read:
    """The events of a calendar that count, from now on.

    Raises:
        InvalidError: it is no calendar, cannot be read, or takes too long to read.
        TransientError: this machine is too busy.
    """
    asked = {
        "text": b64encode(text).decode(),
        "summary": wanted.summary,
        "categories": wanted.categories,
        "timeZone": wanted.time_zone,
        "since": (now - BEFORE).isoformat(),
        "until": (now + AHEAD).isoformat(),
        "most": MOST_EVENTS,
    }
    # Where this program itself finds its modules, and nothing else of the machine's environment.
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
    }
    command = [sys.executable, "-s", "-P", "-m", _PROGRAM]
    try:
        done = await ended(command, environment, TIMEOUT, stdin=json.dumps(asked).encode(), errors=True)
    except TimeoutError as error:
        raise TransientError(f"the calendar was not read within {TIMEOUT:g} s") from error
    if done.code:
        raise InvalidError(
            f"the calendar asks for too much work (exit {done.code}): mend its recurrences, or leave out those events by "
            "spec.calendar.summary"
        )
    answer = json.loads(done.out)
    if "error" in answer:
        raise InvalidError(f"the calendar: {answer['error']}")
    return Read(
        tuple(FrozenEvent(start=start, until=end, summary=said) for start, end, said in answer["events"]),
        answer["covers"],
    )
