"""Times, days and zones as people write them in a window or a freeze: `09:00`, `Fri 18:00`, `12-24`, `Europe/Berlin`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MOMENT = re.compile(
    r"(?:(?P<weekday>[A-Za-z]{3}) |(?P<date>\d{4}-\d\d-\d\d)[T ])?(?P<hour>\d\d):(?P<minute>\d\d)", re.ASCII
)
_DAY = re.compile(r"(?:(?P<year>\d{4})-)?(?P<month>\d\d)-(?P<day>\d\d)", re.ASCII)
_LEAP_YEAR = 2000


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of the day, by itself, on a weekday or on a date.

    Attributes:
        minutes: since midnight; 1440 is the end of the day.
        weekday: 0 for Monday; None where none is named.
    """

    minutes: int
    weekday: int | None = None
    date: date | None = None

    @property
    def form(self) -> str:
        """Which of the three forms it has, as an example of it."""
        return "2026-12-24T18:00" if self.date else "18:00" if self.weekday is None else "Fri 18:00"


@dataclass(frozen=True, slots=True)
class Day:
    """A date, or one of each year where `year` is None."""

    month: int
    day: int
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Days:
    """Days from one to another, both among them; those of each year may reach over its end."""

    first: Day
    last: Day

    def in_years(self, years: Iterable[int]) -> Iterable[tuple[date, date]]:
        """First and last day of the one time; or, of those of each year, of each time that begins in one of these years."""
        if self.first.year is not None and self.last.year is not None:
            return ((_begins(self.first, self.first.year), _ends(self.last, self.last.year)),)
        over = (self.last.month, self.last.day) < (self.first.month, self.first.day)
        each = ((_begins(self.first, year), _ends(self.last, year + over)) for year in years)
        return ((first, last) for first, last in each if first <= last)


def _begins(day: Day, year: int) -> date:
    """A 29 February begins what it begins on 1 March where the year has none."""
    return date(year, 3, 1) if _missing(day, year) else date(year, day.month, day.day)


def _ends(day: Day, year: int) -> date:
    return date(year, 2, 28) if _missing(day, year) else date(year, day.month, day.day)


def _missing(day: Day, year: int) -> bool:
    return (day.month, day.day) == (2, 29) and (date(year, 3, 1) - timedelta(days=1)).day == 28


@cache
def _zones() -> frozenset[str]:
    return frozenset((files("tzdata") / "zones").read_text().split())


@cache
def _loaded(name: str) -> ZoneInfo:
    """From the package, not from the system: governments change their rules, and images of containers are old or have none.

    So all workers of one version of sluice know the same rules, and one release of the package brings new ones.
    """
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def zone(name: str) -> ZoneInfo:
    """The time zone of that name, by the tz database.

    Raises:
        ValueError: there is none; the message has what may have been meant.
    """
    if name in _zones():
        return _loaded(name)
    same = [known for known in _zones() if known.lower() == name.lower()]
    near = same or get_close_matches(name, _zones(), n=1, cutoff=0.7)
    hint = f"did you mean {near[0]}?" if near else "write one of the tz database, such as Europe/Berlin or UTC"
    raise ValueError(f"{name!r} is no time zone: {hint}")


def weekdays(texts: Iterable[str]) -> frozenset[int]:
    """The days of the week that are listed, 0 for Monday: each one day (`Sat`) or days in a row (`Fri-Mon`).

    Raises:
        ValueError: one of them is none.
    """
    found: set[int] = set()
    for text in texts:
        first, row, last = text.partition("-")
        start, end = _weekday(first, text), _weekday(last if row else first, text)
        found.update((start + ahead) % 7 for ahead in range((end - start) % 7 + 1))
    return frozenset(found)


def _weekday(name: str, text: str) -> int:
    short = name.strip().capitalize()
    if short not in WEEKDAYS:
        raise ValueError(
            f"{text!r} is no day of the week: write one of {', '.join(WEEKDAYS)}, or a row such as Mon-Fri"
        )
    return WEEKDAYS.index(short)


def moment(text: str) -> Moment:
    """The time that a text names.

    Raises:
        ValueError: it is none; the message shows the forms.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is no time: write "09:00", "Fri 18:00" or "2026-12-24T18:00", in quotes')
    minutes = int(found["hour"]) * 60 + int(found["minute"])
    if int(found["minute"]) > 59 or minutes > 24 * 60:
        raise ValueError(f"{text!r} is no time of a day: it goes from 00:00 to 24:00")
    if found["date"]:
        one = day(found["date"])
        return Moment(minutes, date=date(one.year or _LEAP_YEAR, one.month, one.day))
    return Moment(minutes, _weekday(found["weekday"], text) if found["weekday"] else None)


def day(text: str) -> Day:
    """The day that a text names, `2026-12-24`, or `12-24` for each year.

    Raises:
        ValueError: there is no such day.
    """
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is no day: write "2026-12-24", or "12-24" for each year, in quotes')
    year, month, number = (int(part) if part else None for part in found.group("year", "month", "day"))
    try:
        date(_LEAP_YEAR if year is None else year, month or 0, number or 0)
    except ValueError as error:
        raise ValueError(f"{text!r} is no day of the calendar ({error})") from error
    return Day(month or 0, number or 0, year)
