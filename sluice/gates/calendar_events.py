"""The events of a calendar (iCalendar, RFC 5545) in a span of time: recurrences, exceptions, days, other people's zones.

What others write is read by `icalendar` and `recurring-ical-events`. A short text may ask for work without end, so this runs
in a process of its own with little time (`blocks.calendars.reading`); what no calendar of people has is refused before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import recurring_ical_events

from sluice.errors import InvalidError
from sluice.gates.windows.clock import at
from sluice.manifests.own.gates.clock_times import zone
from sluice.patterns import compiled

MOST_COMPONENTS = 20_000
"""Events of a calendar, before they come again."""
OFTEN = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
LONGEST_SUMMARY = 120
_PARTS_OF_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events of a calendar count.

    Attributes:
        summary: a regular expression (RE2) that the summary has to have in it; empty for all.
        categories: of which it has to have one; empty for all.
        time_zone: by whose clock days and times without a zone are.
    """

    summary: str = ""
    categories: tuple[str, ...] = ()
    time_zone: str = "UTC"

    def matches(self, event: Any) -> bool:
        """Whether an event counts."""
        if self.summary and not compiled(self.summary, "spec.calendar.summary").search(_summary(event)):
            return False
        if not self.categories:
            return True
        return bool({one.casefold() for one in self.categories} & {one.casefold() for one in _categories(event)})


@dataclass(frozen=True, slots=True, order=True)
class CalendarEvent:
    """One time at which an event takes place, in UTC."""

    start: datetime
    end: datetime
    summary: str


def events(text: bytes, wanted: Wanted, since: datetime, until: datetime) -> list[CalendarEvent]:
    """The events that count and that are on at some time between two moments, by their beginning.

    Raises:
        InvalidError: it is no calendar, or one of these events cannot be read; the message says which.
    """
    found = [one for calendar in _calendars(text) for one in _of(calendar, wanted, since, until)]
    return sorted(set(found))


def _calendars(text: bytes) -> Sequence[Any]:
    if b"BEGIN:VCALENDAR" not in text[:4096].upper():
        raise InvalidError(
            "its answer is no calendar (no BEGIN:VCALENDAR): use the address of the feed, not of its page"
        )
    try:
        return icalendar.Calendar.from_ical(text.decode("utf-8-sig", errors="replace"), multiple=True)
    except Exception as error:  # whatever a text makes of a library
        raise InvalidError(f"its answer is no calendar: {str(error)[:200]}") from error


def _of(calendar: Any, wanted: Wanted, since: datetime, until: datetime) -> Iterator[CalendarEvent]:
    if str(calendar.get("METHOD", "")).upper() == "CANCEL":
        return
    components = calendar.walk("VEVENT")
    if len(components) > MOST_COMPONENTS:
        raise InvalidError(f"it has {len(components)} events, and {MOST_COMPONENTS} are allowed: export fewer")
    meant = {str(one.get("UID", "")) for one in components if wanted.matches(one)}
    kept = [one for one in components if str(one.get("UID", "")) in meant]
    calendar.subcomponents = [one for one in calendar.subcomponents if one.name == "VTIMEZONE"] + kept
    for occurrence in _occurrences(calendar, kept, since, until):
        if str(occurrence.get("STATUS", "")).upper() != "CANCELLED" and wanted.matches(occurrence):
            one = _placed(occurrence, wanted.time_zone)
            if one.start < until and one.end > since and one.start < one.end:
                yield one


def _occurrences(calendar: Any, kept: Sequence[Any], since: datetime, until: datetime) -> Sequence[Any]:
    name = ""
    try:
        for event in kept:
            name = f" (at {_summary(event)!r})"
            _check(event)
        name = ""
        found: Sequence[Any] = recurring_ical_events.of(calendar).between(since, until)
        return found
    except InvalidError:
        raise
    except Exception as error:  # whatever a text makes of a library
        raise InvalidError(f"its events cannot be read{name}: {str(error)[:200] or type(error).__name__}") from error


def _check(event: Any) -> None:
    """Refuse what no freeze is, and what has no end of work in it."""
    name = f"event {_summary(event)!r}"
    begins = getattr(event.get("DTSTART"), "dt", None)
    if begins is None or begins.year < 1970:
        raise InvalidError(f"{name} has no DTSTART of 1970 or later: mend it in the calendar")
    for part in ("DTSTART", "DTEND"):
        given = event.get(part)
        named = given.params.get("TZID") if given is not None else None
        if named and getattr(given.dt, "tzinfo", None) is None:
            raise InvalidError(f"{name} is in a time zone that nobody knows ({named}): mend it in the calendar")
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        often = {str(one).upper() for one in rule.get("FREQ", [])} & OFTEN
        if often or any(len(rule.get(part, [])) > 24 for part in _PARTS_OF_A_DAY):
            raise InvalidError(
                f"{name} comes many times a day (RRULE): no freeze does; mend it, or leave it out by `summary`"
            )
        if sum(len(rule.get(part, [])) > 1 for part in _PARTS_OF_A_DAY) > 1:
            raise InvalidError(f"{name} names several hours and minutes (RRULE): write one event for each")


def _placed(occurrence: Any, time_zone: str) -> CalendarEvent:
    begins = occurrence["DTSTART"].dt
    ends = occurrence["DTEND"].dt if "DTEND" in occurrence else begins
    if not isinstance(begins, datetime) and ends == begins:
        ends = begins + timedelta(days=1)
    return CalendarEvent(_moment(begins, time_zone), _moment(ends, time_zone, last=True), _summary(occurrence))


def _moment(given: date, time_zone: str, *, last: bool = False) -> datetime:
    if not isinstance(given, datetime):
        return at(given, 0, zone(time_zone), last=last)
    if given.tzinfo is not None:
        return given.astimezone(UTC)
    minute = at(given.date(), given.hour * 60 + given.minute, zone(time_zone), last=last)
    return minute + timedelta(seconds=given.second)


def _summary(event: Any) -> str:
    return " ".join(str(event.get("SUMMARY", "")).split())[:LONGEST_SUMMARY]


def _categories(event: Any) -> Iterable[str]:
    given = event.get("CATEGORIES", [])
    for one in given if isinstance(given, list) else [given]:
        yield from (str(name) for name in getattr(one, "cats", [one]))
