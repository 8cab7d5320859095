"""What happens in a life that is not people's doing at the cluster: crashes, absences, refusals, wishes in Prefect.

A new event is a function and a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from blocks.kubernetes.kinds import LEASE
from blocks.leases.lease import WORKER_ANNOTATION
from sluice.errors import ConflictError, TransientError
from tests.laws.town import Crash, clock
from tests.samples import NAME, NAMESPACE, merged

if TYPE_CHECKING:
    from tests.laws.life import Life

Event = Callable[["Life", str, str], None]
"""Gets the life, "before" or "after" where a write is under way, and the kind of the object that is written."""
AWAY, LATE, REFUSED = 25.0, 4.0, 40.0
"""Seconds that the API server is away, longer than a lease lasts; that its watches bring nothing; that a webhook refuses."""


def _crash(life: Life, when: str, kind: str) -> None:
    life.town.dead = True
    raise Crash


def _hiccup(life: Life, when: str, kind: str) -> None:
    if when == "before":
        raise TransientError("the API server is away for a moment")


def _answer_is_lost(life: Life, when: str, kind: str) -> None:
    if when == "after":
        raise TransientError("the connection broke before the answer came")


def _conflict(life: Life, when: str, kind: str) -> None:
    if when == "before":
        raise ConflictError(f"somebody else has changed the {kind}")


def _is_away(life: Life, when: str, kind: str) -> None:
    life.town.away_until = clock() + AWAY


def _is_late(life: Life, when: str, kind: str) -> None:
    life.town.late_until = clock() + LATE


def _refuses(life: Life, when: str, kind: str) -> None:
    life.town.refused = (kind, clock() + REFUSED)


def _cancel(life: Life, when: str, kind: str) -> None:
    life.signals.paused = False
    if not life.signals.cancelled:
        life.signals.cancelled = True
        life.stops()


def _leave(life: Life, when: str, kind: str) -> None:
    """The worker is asked to stop: a run that is cleaning up is left to finish."""
    life.leaves = True
    if not life.signals.cancelled:
        life.signals.leaving = True
        life.stops()


def _end(life: Life, when: str, kind: str) -> None:
    life.signals.ended = "was set to Failed"
    life.signals.leaving = life.signals.lost = True
    life.stops()


def _pause(life: Life, when: str, kind: str) -> None:
    life.signals.paused = not life.signals.cancelled


def _resume(life: Life, when: str, kind: str) -> None:
    life.signals.paused = False


def _retry(life: Life, when: str, kind: str) -> None:
    life.retry = True


def _lose_lease(life: Life, when: str, kind: str) -> None:
    life.town.vanish(LEASE, f"sluice-{NAME}", NAMESPACE)


def _steal_lease(life: Life, when: str, kind: str) -> None:
    """Another process took this one for dead, and died."""
    lease = life.find("Lease", f"sluice-{NAME}")
    if lease is not None:
        gone = {"annotations": {WORKER_ANNOTATION: "leases/sluice-worker-thief"}}
        life.town.add(merged(lease, {"metadata": gone, "spec": {"holderIdentity": "elsewhere/1/1/thief/run"}}))


EVENTS: dict[str, Event] = {
    "crash": _crash,
    "hiccup": _hiccup,
    "lose the answer": _answer_is_lost,
    "conflict": _conflict,
    "be away": _is_away,
    "be late": _is_late,
    "refuse": _refuses,
    "collect": lambda life, when, kind: life.town.collect(),
    "cancel": _cancel,
    "leave": _leave,
    "end the run": _end,
    "pause": _pause,
    "resume": _resume,
    "retry": _retry,
    "delete the lease": _lose_lease,
    "steal the lease": _steal_lease,
}
"""Every event by its name."""
