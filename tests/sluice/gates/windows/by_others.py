"""The same windows by other calendar libraries: croniter for expressions, dateutil for days, pytz for zones.

Nothing here is of the product, nor of the libraries that it uses (cronsim, zoneinfo): each span is made anew from what the
manifest says, and whether the window is open is asked at each of their ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import pytz
from croniter import croniter
from dateutil.rrule import DAILY, rrule

Spans = list[tuple[datetime, datetime]]
Json = dict[str, Any]
NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


@lru_cache(5000)
def shown_at(wall: datetime, zone: str) -> list[datetime]:
    """The moments at which the clock of a zone shows a time: one, two, or none."""
    here = pytz.timezone(zone)
    offsets = {here.fromutc(wall + timedelta(hours=near)).utcoffset() for near in range(-48, 49, 6)}
    tried = {wall - offset for offset in offsets if offset is not None}
    return sorted(one for one in tried if here.fromutc(one).replace(tzinfo=None) == wall)


def reached(wall: datetime, zone: str, *, last: bool = False) -> datetime:
    """When the clock of a zone shows a time; where it leaps over it, when it does."""
    moments = shown_at(wall, zone)
    if moments:
        return moments[-1 if last else 0].replace(tzinfo=UTC)
    here: Any = pytz.timezone(zone)
    changes = here._utc_transition_times
    index = bisect_right(changes, wall + timedelta(hours=30))
    return next(
        change.replace(tzinfo=UTC)
        for change in reversed(changes[:index])
        if here.fromutc(change - timedelta(seconds=1)).replace(tzinfo=None) < wall
    )


def spans(entry: Json, zone: str, since: datetime, until: datetime, *, denies: bool) -> Spans:
    """Every span of an entry that is near a time."""
    zone = entry.get("timeZone") or zone
    if "cron" in entry:
        return list(_of_cron(entry, zone, since, until))
    return list(_of_days(entry, zone, since, until, denies))


def _of_cron(entry: Json, zone: str, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    length = timedelta(seconds=entry["seconds"])
    minute, hour, *_ = entry["cron"].split()
    fixed = not minute.startswith("*") and not hour.startswith("*")
    start = (since - length).replace(tzinfo=None) - timedelta(days=2)
    end = until.replace(tzinfo=None) + timedelta(days=2)
    walls = croniter(entry["cron"], start, implement_cron_bug=True, max_years_between_matches=1)
    try:
        while (wall := walls.get_next(datetime)) < end:
            for moment in [reached(wall, zone)] if fixed else [one.replace(tzinfo=UTC) for one in shown_at(wall, zone)]:
                yield moment, moment + length
    except Exception as error:
        if "failed to find" not in str(error):
            raise


def _of_days(
    entry: Json, zone: str, since: datetime, until: datetime, denies: bool
) -> Iterator[tuple[datetime, datetime]]:
    start, end = entry.get("from", "00:00"), entry.get("to", "24:00")
    wanted = {NAMES.index(name) for name in entry.get("weekdays", NAMES)}
    if start[:3] in NAMES:
        wanted = {NAMES.index(start[:3])}
        ahead = (NAMES.index(end[:3]) - NAMES.index(start[:3])) % 7
        start, end = start[4:], end[4:]
        ahead = 7 if not ahead and end <= start else ahead
    else:
        ahead = 1 if end <= start else 0
    first = since.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0) - timedelta(days=10)
    for day in rrule(DAILY, dtstart=first, until=until.replace(tzinfo=None) + timedelta(days=2)):
        if day.weekday() not in wanted or not _listed(day.date(), entry.get("dates")):
            continue
        one = reached(day + _of_day(start), zone)
        other = reached(day + timedelta(days=ahead) + _of_day(end), zone, last=denies)
        if one < other:
            yield one, other


def _of_day(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _listed(day: date, dates: list[Json] | None) -> bool:
    return dates is None or any(_in(day, one["from"], one.get("to", one["from"])) for one in dates)


def _in(day: date, first: str, last: str) -> bool:
    shown = f"{day:%Y-%m-%d}"[-len(first) :]
    return first <= shown <= last if first <= last else shown >= first or shown <= last


def open_at(allow: Spans, deny: Spans, now: datetime, *, always: bool) -> bool:
    """Whether it is open, by each span asked alone."""
    if any(start <= now < end for start, end in deny):
        return False
    return always or any(start <= now < end for start, end in allow)


def changes(
    allow: Spans, deny: Spans, since: datetime, until: datetime, *, always: bool
) -> list[tuple[datetime, bool]]:
    """Every moment between two at which it opens or closes, with whether it opens."""
    found, before = [], open_at(allow, deny, since, always=always)
    for moment in sorted({one for span in allow + deny for one in span if since < one < until}):
        now = open_at(allow, deny, moment, always=always)
        if now is not before:
            found.append((moment, now))
        before = now
    return found
