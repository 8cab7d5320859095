"""When an object's own interval is over: since the last look, by whichever worker, or as this process remembers it.

The memory is a process's own and is lost with it: then everything has one more look. It counts only where the moment of
the last look cannot be known (`tasks.upkeep.last_look`). What is found has one id, whichever worker finds it, so nothing is
started twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sluice.recent import Recent
from sluice.sync.kustomizations.due import span

MOST = 20_000
"""Objects that are remembered. One that went is checked no more, and is the first to be forgotten."""
EARLY = 0.1
"""Part of an interval that may be missing: reconcile comes once a minute, and not to the second."""


@dataclass(slots=True)
class Pace:
    """What was looked at when."""

    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    _last: Recent[str, float] = field(default_factory=lambda: Recent(MOST))
    _once_more: Recent[str, bool] = field(default_factory=lambda: Recent(MOST))

    def due(self, uid: str, interval: float, since: float | None = None) -> bool:
        """Whether an object has not been looked at for its interval. If so, it counts as looked at now.

        Args:
            uid: of the object.
            interval: seconds.
            since: when the last look began, by any worker; None where that is not known.
        """
        now, last = self.clock(), self._last.get(uid)
        if since is not None:
            over = bool(self._once_more.pop(uid, False)) or self._passed(uid, interval, since)
        else:
            over = last is None or now - last >= interval * (1 - EARLY)
        if over:
            self._last[uid] = now
        return over

    def _passed(self, uid: str, interval: float, since: float) -> bool:
        """Whether an interval has ended since; each object's ends at moments of its own, so that not all come at once."""
        now = self.wall()
        return now - since >= interval * (1 - EARLY) or span(interval, uid, now) > span(interval, uid, since)

    def forget(self, uid: str) -> None:
        """Look again next time: this look came to nothing."""
        self._last.pop(uid, None)
        self._once_more[uid] = True
