"""From a time on a clock on the wall to a moment, on every day of the year.

A time is the first moment at which the clock shows it or a later one: what a change to summer time leaps over is the moment
of the leap, and of a time that comes twice in autumn the first counts. Where the last is asked for, the second does.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


def at(day: date, minutes: int, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """The moment, in UTC, at which the clock of a zone reaches a time of a day.

    Args:
        minutes: since midnight; 1440 is the midnight that ends the day.
        last: of a time that comes twice the second, not the first.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    moment = wall.replace(tzinfo=zone, fold=int(last)).astimezone(UTC)
    if shown(moment, zone) == wall:
        return moment
    return _leap(wall, zone)


def shown(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clock of a zone shows, without the zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _leap(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clock leaps over a time that it never shows: most leap by an hour, some zones once did by a whole day."""
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC) - _DAY
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC) + _SECOND
    while after - before > _SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle <= before:
            break
        if shown(middle, zone) >= wall:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)
