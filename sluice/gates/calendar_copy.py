"""What the status of a Freeze says of the calendar that it follows: the copy, or why there is no newer one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sluice.gates.freezes import trusted_until
from sluice.manifests.conditions import READY, Condition, rfc3339, with_condition
from sluice.manifests.own.freeze import CalendarStatus, Freeze, FrozenEvent

Body = dict[str, Any]
LONGEST_ERROR = 300


def kept(freeze: Freeze) -> CalendarStatus:
    """The copy that the status has of what the manifest asks for now; an empty one where there is none."""
    copy = freeze.status.calendar
    return copy if copy is not None and copy.asked == freeze.spec.calendar_asked else CalendarStatus()


def read(freeze: Freeze, events: tuple[FrozenEvent, ...], covers_until: str, etag: str, now: datetime) -> Body:
    """The status after a calendar was read."""
    copy = CalendarStatus(
        asked=freeze.spec.calendar_asked,
        read_at=rfc3339(now),
        covers_until=covers_until,
        etag=etag,
        events=events,
    )
    following = next((event for event in events if datetime.fromisoformat(event.until) > now), None)
    soon = f"; the next from {following.start} to {following.until}: {following.summary}" if following else ""
    return _status(freeze, copy, "True", "Read", f"{len(events)} events{soon}", now)


def unchanged(freeze: Freeze, now: datetime) -> Body:
    """The status after the server said that it is as it was."""
    copy = kept(freeze).model_copy(update={"read_at": rfc3339(now), "error": ""})
    return _status(freeze, copy, "True", "Read", f"{len(copy.events)} events, unchanged", now)


def failed(freeze: Freeze, why: str, now: datetime) -> Body:
    """The status after a calendar could not be read: the copy stays, and says why there is no newer one."""
    why = why[:LONGEST_ERROR]
    copy = kept(freeze).model_copy(update={"asked": freeze.spec.calendar_asked, "error": why})
    calendar = freeze.spec.calendar
    holds = trusted_until(calendar, copy) if calendar else None
    then = (
        "everything that it is for is frozen" if calendar and calendar.afterwards == "freeze" else "nothing is frozen"
    )
    until = f"its last copy holds until {rfc3339(holds)}, then {then}" if holds and holds > now else f"{then} by it"
    return _status(freeze, copy, "False", "NotRead", f"{why}: {until}", now)


def _status(freeze: Freeze, copy: CalendarStatus, ready: str, reason: str, message: str, now: datetime) -> Body:
    generation = freeze.metadata.generation
    condition = Condition(type=READY, status=ready, reason=reason, message=message, observed_generation=generation)
    conditions = with_condition(freeze.status.conditions, condition, now)
    return {
        "status": {
            "observedGeneration": generation,
            "conditions": [one.model_dump(mode="json", by_alias=True) for one in conditions],
            "calendar": copy.model_dump(mode="json", by_alias=True),
        }
    }
