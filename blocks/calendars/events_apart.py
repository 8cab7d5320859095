"""The process that reads others' calendars: one request as JSON on its standard input, one answer on its standard output.

Started by `blocks.calendars.reading` as a program of its own, with nothing in its environment. What a text makes a calendar
library do ends this process and nothing else.
"""

from __future__ import annotations

import json
import resource
import sys
import zoneinfo
from base64 import b64decode
from datetime import datetime

from sluice.errors import InvalidError
from sluice.gates.calendar_events import Wanted, events

MOST_MEMORY = 1 << 30
MOST_SECONDS = 10
"""Of a processor: a calendar of 20,000 events takes three."""


def main() -> None:
    """Answer the one request."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    zoneinfo.reset_tzpath(to=())  # the rules of zones that come with sluice, here too
    asked = json.load(sys.stdin)
    since, until = (datetime.fromisoformat(asked[name]) for name in ("since", "until"))
    wanted = Wanted(asked["summary"], tuple(asked["categories"]), asked["timeZone"])
    try:
        found = events(b64decode(asked["text"]), wanted, since, until)
    except InvalidError as error:
        json.dump({"error": str(error)}, sys.stdout)
        return
    most = asked["most"]
    listed = [(one.start.isoformat(), one.end.isoformat(), one.summary) for one in found[:most]]
    covers = found[most].start if len(found) > most else until
    json.dump({"events": listed, "covers": covers.isoformat()}, sys.stdout)


if __name__ == "__main__":
    main()
