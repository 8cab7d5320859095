"""A Gate that is a window: when releases may go forward, and when not.

Times are those of a clock on the wall in a time zone. What a day without 02:30, or with two of them, does is said in
docs/gates-windows.md and is decided in `sluice.gates.windows`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from sluice.durations import Duration, go_duration
from sluice.manifests.meta import ForeignModel
from sluice.manifests.own.gates.clock_times import Days, Moment, day, moment, weekdays, zone

MINUTE, YEAR = 60.0, 366 * 86400.0
_FROM_THERE = datetime(2000, 1, 1, tzinfo=UTC)
"""Fifty years from there have every 29 February on every day of the week."""


def quoted(given: Any) -> Any:
    """What a person wrote as a time. Some readers of YAML take 17:00 for a number and 2026-12-24 for a date."""
    if isinstance(given, int | float | date):
        raise ValueError("write times and days in quotes, such as '17:00' and '2026-12-24'")
    return given


def _cron(text: str) -> str:
    _check_cron(text)
    return text


@lru_cache(1000)
def _check_cron(text: str) -> None:
    shape = 'write five fields: minute, hour, day of the month, month, day of the week, such as "0 9 * * 1-5"'
    if len(text.split()) != 5:
        aside = "; the zone goes into `timeZone`" if "TZ=" in text else ""
        raise ValueError(f"{text!r} is no cron expression: {shape}{aside}")
    try:
        next(CronSim(text, _FROM_THERE))
    except CronSimError as error:
        never = error.args == ("Bad day-of-month",)
        hint = "; no month that it names has that day" if never else ""
        raise ValueError(f"{text!r} is no cron expression ({error}{hint}): {shape}") from error
    except StopIteration:
        raise ValueError(f"{text!r} never comes: no day is one that it names; mend its day or its month") from None


def _zone(name: str) -> str:
    if name:
        zone(name)
    return name


def _moment(text: str) -> str:
    moment(text)
    return text


def _day(text: str) -> str:
    day(text)
    return text


def _weekdays(text: str) -> str:
    weekdays([text])
    return text


Cron = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_cron)]
TimeZone = Annotated[str, StringConstraints(max_length=100), AfterValidator(_zone)]
ClockTime = Annotated[str, BeforeValidator(quoted), StringConstraints(max_length=20), AfterValidator(_moment)]
CalendarDay = Annotated[str, BeforeValidator(quoted), StringConstraints(max_length=10), AfterValidator(_day)]
Weekdays = Annotated[str, StringConstraints(max_length=20), AfterValidator(_weekdays)]


class DateRange(ForeignModel):
    """Days of the calendar, both ends among them."""

    first: CalendarDay = Field(alias="from")
    """`2026-12-20`, or `12-20` for each year."""
    last: CalendarDay = Field(default="", alias="to")
    """The same form; empty for one day."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        days = self.days
        if (days.first.year is None) != (days.last.year is None):
            raise ValueError("`from` and `to` need one form: both with the year, or both without it")
        if days.first.year is not None and _date(self.first) > _date(self.last or self.first):
            raise ValueError(f"`to` ({self.last}) is before `from` ({self.first}): exchange them")
        return self

    @property
    def days(self) -> Days:
        """The days, read."""
        return Days(day(self.first), day(self.last or self.first))


class WindowEntry(ForeignModel):
    """One range of time that comes again: by a cron expression and a duration, or by days and times of the clock."""

    name: str = Field(default="", max_length=63)
    """What people read: `office-hours`. Empty for what it says itself."""
    time_zone: TimeZone = ""
    """Empty for that of the window."""
    cron: Cron | None = None
    """When it begins, in five fields."""
    duration: Annotated[Duration, Field(ge=MINUTE, le=YEAR)] | None = None
    """With `cron`: how long it lasts, by the stopwatch."""
    weekdays: tuple[Weekdays, ...] = Field(default=(), max_length=7)
    """`Mon`, `Mon-Fri`: days on which it begins; empty for all."""
    dates: tuple[DateRange, ...] = Field(default=(), max_length=100)
    """Days of the calendar on which it begins; empty for all."""
    start: ClockTime | None = Field(default=None, alias="from")
    """`09:00`, or for one range over several days `Fri 18:00` or `2026-12-24T18:00`; midnight where it is absent."""
    end: ClockTime | None = Field(default=None, alias="to")
    """The same form. A time before `from` is on the next day; `24:00`, the end of the day, where it is absent."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.cron is not None:
            return self._checked_cron()
        if self.duration is not None:
            raise ValueError("`duration` goes with `cron`: add it, or write `to` for `duration`")
        if not (self.weekdays or self.dates or self.start or self.end):
            raise ValueError("it names no time: give `cron` with `duration`, or `weekdays`, `dates`, `from` and `to`")
        first, last = self.moments
        if first.form != last.form:
            raise ValueError(f'`from` and `to` need one form: both as "{first.form}", or both as "{last.form}"')
        if first == last or first.minutes == 24 * 60:
            raise ValueError("`from` to `to` is empty: for whole days leave both out, or write '00:00' to '24:00'")
        if first.date and last.date and self._hours(first, last) <= timedelta():
            raise ValueError(f"`to` ({self.end}) is before `from` ({self.start}): exchange them")
        if first.date and (self.weekdays or self.dates):
            raise ValueError("`from` names a date: leave out `weekdays` and `dates`")
        if first.weekday is not None and self.weekdays:
            raise ValueError("`from` names a day of the week: leave out `weekdays`")
        return self

    def _checked_cron(self) -> Self:
        if self.duration is None:
            raise ValueError("`cron` says when it begins: add `duration`, such as 8h")
        if self.weekdays or self.dates or self.start or self.end:
            raise ValueError("`cron` goes with `duration` alone: leave out `weekdays`, `dates`, `from` and `to`")
        return self

    @staticmethod
    def _hours(first: Moment, last: Moment) -> timedelta:
        return ((last.date or date.max) - (first.date or date.max)) + timedelta(minutes=last.minutes - first.minutes)

    @property
    def moments(self) -> tuple[Moment, Moment]:
        """From when to when; of whole days: midnight to midnight."""
        return moment(self.start or "00:00"), moment(self.end or "24:00")

    @property
    def label(self) -> str:
        """What people read of it."""
        if self.name:
            return self.name
        if self.cron is not None:
            return f'cron "{self.cron}" for {go_duration(self.duration or 0)}'
        dates = [one.first + (f" to {one.last}" if one.last else "") for one in self.dates]
        times = f"{self.start or '00:00'} to {self.end or '24:00'}" if self.start or self.end else ""
        return ", ".join([*self.weekdays, *dates, *([times] if times else [])])


class WindowSpec(ForeignModel):
    """When releases may go forward: at all times of `allow` that are in none of `deny`."""

    time_zone: TimeZone = "UTC"
    """Of all entries that name none."""
    allow: tuple[WindowEntry, ...] = Field(default=(), max_length=50)
    """Empty for all times."""
    deny: tuple[WindowEntry, ...] = Field(default=(), max_length=50)
    """Wins over `allow`."""
    on_close: Literal["finish", "hold", "goHome"] = "hold"
    """What a release does that users have met already: `finish` goes on as if the window were open, `hold` stays at its
    weight and is judged all the same, `goHome` is rolled back."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.allow and not self.deny:
            raise ValueError("it has neither `allow` nor `deny`: give one of them an entry")
        return self


def _date(text: str) -> date:
    return date.fromisoformat(text)
