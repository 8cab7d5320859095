"""The spans of time of one entry of a window, one after the other, from a moment on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sluice.gates.windows.clock import at
from sluice.gates.windows.cron import last_tick, ticks
from sluice.manifests.own.gates.clock_times import weekdays, zone
from sluice.manifests.own.gates.window import WindowEntry

_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From a moment up to another one, both in UTC; the second is not in it."""

    start: datetime
    end: datetime


def spans(entry: WindowEntry, zone_name: str, after: datetime, before: datetime, *, denies: bool) -> Iterator[Span]:
    """The spans that end after one moment and begin before another one, in the order in which they begin.

    Of spans of a cron expression that are over each other at the first moment only the last is among them: it has their end.

    Args:
        zone_name: for an entry that names none.
        denies: whether it is an entry of `deny`: in doubt, where it ends at a time that comes twice, it is the longer one.
    """
    name = entry.time_zone or zone_name
    return _of_cron(entry, name, after, before) if entry.cron else _of_days(entry, name, after, before, denies)


def _of_cron(entry: WindowEntry, name: str, after: datetime, before: datetime) -> Iterator[Span]:
    cron, here, length = entry.cron or "", zone(name), timedelta(seconds=entry.duration or 0)
    begun = last_tick(cron, here, after - length, after)
    if begun is not None and begun < before:
        yield Span(begun, begun + length)
    for start in ticks(cron, here, after + _MOMENT, before):
        yield Span(start, start + length)


def _of_days(entry: WindowEntry, name: str, after: datetime, before: datetime, denies: bool) -> Iterator[Span]:
    here, (first, last) = zone(name), entry.moments
    ahead = _days_ahead(entry)
    begins, ends = after.astimezone(here).date() - ahead - 2 * _DAY, before.astimezone(here).date() + _DAY
    for day in _days(entry, begins, ends):
        start, end = at(day, first.minutes, here), at(day + ahead, last.minutes, here, last=denies)
        if start < end and end > after and start < before:
            yield Span(start, end)


def _days_ahead(entry: WindowEntry) -> timedelta:
    """How many days after it began it ends."""
    first, last = entry.moments
    over = last.minutes <= first.minutes
    if first.date and last.date:
        return last.date - first.date
    if first.weekday is not None and last.weekday is not None:
        ahead = (last.weekday - first.weekday) % 7
        return timedelta(days=7 if over and not ahead else ahead)
    return timedelta(days=int(over))


def _days(entry: WindowEntry, begins: date, ends: date) -> Iterator[date]:
    """The days on which it begins, in their order."""
    first = entry.moments[0]
    wanted = weekdays(entry.weekdays) if first.weekday is None else frozenset({first.weekday})
    years = range(begins.year - 1, ends.year + 1)
    ranges = sorted(one for listed in entry.dates for one in listed.days.in_years(years))
    if first.date:
        ranges = [(first.date, first.date)]
    elif not entry.dates:
        ranges = [(begins, ends)]
    following = begins
    for start, end in ranges:
        day = max(start, following)
        while day <= min(end, ends):
            if not wanted or day.weekday() in wanted:
                yield day
            day += _DAY
        following = max(following, day)
