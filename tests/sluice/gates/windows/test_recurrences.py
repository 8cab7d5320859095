"""Events of calendars come again when dateutil and pytz say so, on days of every kind."""

from __future__ import annotations

import random
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import pytz
from dateutil.rrule import rrulestr

from sluice.gates.calendar_events import Wanted, events
from tests.calendars import calendar, event
from tests.sluice.gates.windows.by_others import reached, shown_at
from tests.sluice.gates.windows.test_against_calendars import ZONES, near_what_is_odd

BATCH = 250
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
NEAR = timedelta(days=40)


@pytest.fixture(autouse=True)
def rules_of_zones() -> Iterator[None]:
    """Those that come with sluice, as in the process that reads calendars: this machine's may be old."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(to=before)
    zoneinfo.ZoneInfo.clear_cache()


def rule(dice: random.Random) -> str:
    """A rule as people's calendars have them."""
    some, one = ",".join(dice.sample(DAYS, dice.randint(1, 3))), dice.choice(DAYS)
    parts = {
        "DAILY": ["", f";INTERVAL={dice.randint(2, 9)}", ";BYDAY=MO,TU,WE,TH,FR"],
        "WEEKLY": [f";BYDAY={some}", f";INTERVAL=2;WKST={one}"],
        "MONTHLY": [f";BYMONTHDAY={dice.choice([1, 29, 31, -1])}", f";BYDAY={dice.choice(['1', '3', '-1'])}{one}", ""],
        "YEARLY": ["", ";BYMONTH=2;BYMONTHDAY=29", f";BYMONTH={dice.randint(1, 12)};BYDAY=-1SU"],
    }
    often = dice.choice(list(parts))
    end = dice.choice(["", "", f";COUNT={dice.randint(1, 60)}"])
    return f"FREQ={often}{dice.choice(parts[often])}{end}"


def moment(wall: datetime, zone: str) -> datetime:
    """RFC 5545, 3.3.5: the first of two; what is leapt over is by the offset before the leap."""
    if shown_at(wall, zone):
        return reached(wall, zone)
    leap = reached(wall, zone)
    return leap + (wall - _shown_before(leap, zone))


def _shown_before(leap: datetime, zone: str) -> datetime:
    before = pytz.timezone(zone).fromutc(leap.replace(tzinfo=None) - timedelta(seconds=1)).replace(tzinfo=None)
    return before + timedelta(seconds=1)


def agrees(seed: int) -> None:
    """One random series: the same times, near days that are odd, without those that are left out."""
    dice = random.Random(seed)
    zone = dice.choice(ZONES)
    now = near_what_is_odd(dice, zone)
    began = (now - timedelta(days=dice.choice([1, 30, 400, 3000]))).replace(tzinfo=None, second=0)
    if began.year < 1990:
        began = began.replace(year=1990, day=1)
    text, length = rule(dice), timedelta(minutes=dice.choice([15, 60, 600, 2000]))
    near = [(now + side).replace(tzinfo=None) for side in (-NEAR, NEAR)]
    walls = rrulestr(text, dtstart=began).between(*near, inc=True)
    if near[0] <= began <= near[1] and began not in walls:
        walls.append(began)  # DTSTART is always one of them
    left = dice.sample(walls, min(len(walls), dice.choice([0, 0, 1, 2])))
    # A day that a clock is changed over the end of the event has its own test: the length is by the wall there.
    lines = [
        f"DTSTART;TZID={zone}:{began:%Y%m%dT%H%M%S}",
        f"DURATION:PT{int(length.total_seconds() // 60)}M",
        f"RRULE:{text}",
    ]
    lines += [f"EXDATE;TZID={zone}:{one:%Y%m%dT%H%M%S}" for one in left]
    since, until = now - NEAR / 2, now + NEAR / 2
    ours = {one.start for one in events(calendar(event("a", *lines)), Wanted(), since, until)}
    expected = {moment(wall, zone) for wall in walls if wall not in left}
    surely = {one for one in expected if since <= one < until}
    case = f"seed {seed}: {lines} from {since} to {until}"
    assert surely <= ours, case
    assert ours <= expected, case


@pytest.mark.parametrize("batch", range(2))
def test_series_come_again_when_other_libraries_say_so(batch: int) -> None:
    """Five hundred random series."""
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        agrees(seed)


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(2, 20))
def test_series_come_again_when_other_libraries_say_so_of_many(batch: int) -> None:
    """The rest of five thousand."""
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        agrees(seed)


def test_days_last_from_midnight_to_midnight_in_a_night_without_one() -> None:
    """Midnight does not exist there on the day of the change."""
    text = calendar(event("a", "DTSTART;VALUE=DATE:20260426", "RRULE:FREQ=DAILY;COUNT=1"))
    (one,) = events(
        text, Wanted(time_zone="Africa/Cairo"), datetime(2026, 4, 20, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    )
    assert (one.start, one.end - one.start) == (
        reached(datetime.combine(date(2026, 4, 26), datetime.min.time()), "Africa/Cairo"),
        timedelta(days=1),
    )
