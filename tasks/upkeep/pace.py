"""When an object's own interval is over, as this process remembers it.

The memory is a process's own and is lost with it: then everything is looked at once more, which is right after a start.
Two workers look at most twice as often. What is found has one id, whichever worker finds it, so nothing is started twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sluice.recent import Recent

MOST = 20_000
"""Objects that are remembered. One that went is checked no more, and is the first to be forgotten."""
EARLY = 0.1
"""Part of an interval that may be missing: reconcile comes once a minute, and not to the second."""


@dataclass(slots=True)
class Pace:
    """What was looked at when."""

    clock: Callable[[], float] = time.monotonic
    _last: Recent[str, float] = field(default_factory=lambda: Recent(MOST))

    def due(self, uid: str, interval: float) -> bool:
        """Whether an object has not been looked at for its interval, in seconds. If so, it counts as looked at now."""
        now, last = self.clock(), self._last.get(uid)
        if last is not None and now - last < interval * (1 - EARLY):
            return False
        self._last[uid] = now
        return True

    def forget(self, uid: str) -> None:
        """Look again next time: this look came to nothing."""
        self._last.pop(uid, None)
