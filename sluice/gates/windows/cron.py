"""The moments at which a cron expression comes, on every day of the year.

`cronsim` reads the expression, as Debian's cron does; the moments are our own, by the same rule as all other times of a
window: next to a change of the clock the library's depend on where one begins to count.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

from sluice.gates.windows.clock import at, shown

_DAY = timedelta(days=1)


@lru_cache(1000)
def _read(cron: str) -> CronSim:
    return CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC))


def ticks(cron: str, zone: ZoneInfo, since: datetime, before: datetime) -> Iterator[datetime]:
    """The moments from one on, up to and without another one, in UTC and in their order."""
    day, last = since.astimezone(zone).date() - _DAY, before.astimezone(zone).date() + _DAY
    waiting: set[datetime] = set()
    while day <= last:
        waiting.update(tick for tick in _on(cron, day, zone) if since <= tick < before)
        day += _DAY
        if waiting:
            # Where a clock is put back over midnight, an hour of a day comes once more after the next one has begun.
            midnight = at(day, 0, zone)
            ready = {tick for tick in waiting if tick < midnight}
            yield from sorted(ready)
            waiting -= ready
    yield from sorted(waiting)


def last_tick(cron: str, zone: ZoneInfo, after: datetime, now: datetime) -> datetime | None:
    """The last moment after one and not after another one; None where there is none."""
    day, first = now.astimezone(zone).date() + _DAY, after.astimezone(zone).date() - _DAY
    while day >= first:
        on_both = [tick for one in (day, day - _DAY) for tick in _on(cron, one, zone) if after < tick <= now]
        if on_both:
            return max(on_both)
        day -= _DAY
    return None


def _on(cron: str, day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments of one day, as Debian's cron has them.

    An expression with fixed hours and minutes comes once also on a day on which the clock is changed: at the first of two
    such times, and when the clock leaps over them. One with `*` for either comes by what the clock shows: twice, or not.
    """
    read = _read(cron)
    if day.month not in read.months or not read.match_day(day):
        return
    fixed = not read.parts[1].startswith("*") and not read.parts[2].startswith("*")
    begins = at(day, 0, zone)
    plain = _is_plain(day, begins, zone)
    for minutes in _of_day(cron):
        if plain:
            yield begins + timedelta(minutes=minutes)
        elif fixed:
            yield at(day, minutes, zone)
        else:
            yield from _shown_at(day, minutes, zone)


@lru_cache(1000)
def _of_day(cron: str) -> tuple[int, ...]:
    """The minutes of a day on which it comes."""
    read = _read(cron)
    return tuple(sorted(hour * 60 + minute for hour in read.hours for minute in read.minutes))


def _is_plain(day: date, begins: datetime, zone: ZoneInfo) -> bool:
    """Whether no clock is changed on a day, as on nearly all: then its minutes are counted."""
    ends = at(day + _DAY, 0, zone)
    same = begins.astimezone(zone).utcoffset() == ends.astimezone(zone).utcoffset()
    return same and ends - begins == _DAY and shown(begins, zone) == datetime.combine(day, time())


def _shown_at(day: date, minutes: int, zone: ZoneInfo) -> Iterator[datetime]:
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    moments = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return (moment for moment in sorted(moments) if shown(moment, zone) == wall)
