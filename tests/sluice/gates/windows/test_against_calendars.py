"""Windows are what other calendar libraries say that they are, on days of every kind."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytz

from sluice.gates.windows.state import window_state
from sluice.manifests.own.gates.window import WindowSpec
from tests.sluice.gates.windows import by_others

Json = dict[str, Any]
NEAR = timedelta(days=9)
ZONES = (
    *(
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Africa/Casablanca",
    ),
    *("Australia/Lord_Howe", "Antarctica/Troll", "America/Havana", "Asia/Beirut", "Africa/Cairo", "America/Asuncion"),
    *("Europe/Dublin", "Pacific/Apia", "Pacific/Chatham", "America/Sao_Paulo", "Asia/Tehran", "Europe/Istanbul"),
    *(
        "Europe/Volgograd",
        "America/Caracas",
        "Asia/Pyongyang",
        "Pacific/Kwajalein",
        "Africa/Juba",
        "America/Scoresbysund",
    ),
)
"""Changes by half an hour and by two, at midnight, by a whole day; winter time as the change; rules that were given up."""
BATCH = 500


def near_what_is_odd(dice: random.Random, zone: str) -> datetime:
    """A moment: near a change of the zone's clock or of its rules, near a leap day or the end of a year, or any."""
    here: Any = pytz.timezone(zone)
    odd = [one for one in getattr(here, "_utc_transition_times", []) if 1995 <= one.year <= 2036]
    near = dice.choice(["clock", "clock", "leap", "year", "any"])
    if near == "clock" and odd:
        moment = dice.choice(odd)
    elif near == "leap":
        moment = datetime(dice.choice(range(1996, 2036, 4)), 2, 29)
    elif near == "year":
        moment = datetime(dice.randrange(1996, 2036), 12, 31)
    else:
        moment = datetime(1996, 1, 1) + timedelta(days=dice.randrange(14600))
    return (moment + timedelta(minutes=dice.randrange(-2000, 2000), seconds=dice.choice([0, 0, 59]))).replace(
        tzinfo=UTC
    )


def cron(dice: random.Random) -> str:
    """An expression: mostly fixed hours, as people write them."""
    minute = dice.choice(["0", "30", "15", "59", "*/20", "0,30", "5-10/5", "*/15"])
    hour = dice.choice(["0", "1", "2", "2,3", "23", "9", "*/6", "8-17/3", "*", "0-3"])
    day = dice.choice(["*", "*", "*", "1", "29", "*/2", "28-31", "L", "1,15"])
    month = dice.choice(["*", "*", "*", "2", "3,10,11", "FEB-MAR", "*/2"])
    weekday = dice.choice(["*", "*", "1-5", "MON", "0", "7", "SUN,SAT", "5#2", "MON#1"])
    if day != "*" and "#" in weekday:
        weekday = "*"  # croniter reads the two together as no cron does
    return f"{minute} {hour} {day} {month} {weekday}"


def clock(dice: random.Random) -> str:
    """A time, often at night: that is when clocks are changed."""
    return f"{dice.choice([0, 1, 2, 2, 3, 9, 17, 22, 23]):02}:{dice.choice([0, 0, 15, 30, 59]):02}"


def dates(dice: random.Random, near: datetime) -> list[Json]:
    """A few days of the calendar near a moment, of one year or of each."""
    found = []
    for _ in range(dice.randint(1, 2)):
        first = near + timedelta(days=dice.randint(-8, 4))
        last = first + timedelta(days=dice.choice([0, 1, 5, 14]))
        form = dice.choice(["%Y-%m-%d", "%m-%d"])
        found.append({"from": first.strftime(form)} | ({"to": last.strftime(form)} if last > first else {}))
    return found


def entry(dice: random.Random, near: datetime) -> Json:
    """An entry of a window."""
    one: Json = {"timeZone": dice.choice(ZONES)} if dice.random() < 0.3 else {}
    shape = dice.choice(["cron", "cron", "days", "days", "week"])
    if shape == "cron":
        seconds = 60 * dice.choice([1, 15, 45, 60, 90, 480, 1440, 3000])
        return one | {"cron": cron(dice), "duration": f"{seconds}s", "seconds": seconds}
    start, end = clock(dice), dice.choice([clock(dice), clock(dice), "24:00"])
    if shape == "week":
        start, end = (f"{dice.choice(by_others.NAMES)} {text}" for text in (start, end))
    if start != end:
        one |= {"from": start, "to": end}
    if shape == "days" and dice.random() < 0.6:
        one["weekdays"] = dice.sample(by_others.NAMES, dice.randint(1, 7))
    if dice.random() < 0.4 or not {"from", "weekdays"} & set(one):
        one["dates"] = dates(dice, near)
    return one


def agrees(seed: int) -> None:
    """One random window at one moment: the same state, since when and until when, as far as others were asked."""
    dice = random.Random(seed)
    zone = dice.choice(ZONES)
    now = near_what_is_odd(dice, zone)
    given: Json = {"timeZone": zone, "allow": [entry(dice, now) for _ in range(dice.choice([0, 1, 1, 2]))]}
    given["deny"] = [entry(dice, now) for _ in range(dice.choice([0, 1, 2]) if given["allow"] else 1)]
    spans = [
        [
            span
            for one in given[side]
            for span in by_others.spans(one, zone, now - NEAR, now + NEAR, denies=side == "deny")
        ]
        for side in ("allow", "deny")
    ]
    always = not given["allow"]
    found = by_others.changes(spans[0], spans[1], now - NEAR, now + NEAR, always=always)
    state = window_state(WindowSpec.model_validate(given), now)
    since = max((moment for moment, _ in found if moment <= now), default=None)
    until = min((moment for moment, _ in found if moment > now), default=None)
    case = f"seed {seed}, at {now:%Y-%m-%dT%H:%M:%SZ}: {given}"
    assert state.open is by_others.open_at(spans[0], spans[1], now, always=always), case
    assert state.until == until if until else not state.until or state.until >= now + NEAR, case
    assert state.since == since if since else not state.since or state.since <= now - NEAR, case


@pytest.mark.parametrize("batch", range(4))
def test_windows_are_what_other_libraries_say(batch: int) -> None:
    """Two thousand random windows and moments: open or not, since when, until when."""
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        agrees(seed)


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(4, 40))
def test_windows_are_what_other_libraries_say_of_many(batch: int) -> None:
    """The rest of twenty thousand."""
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        agrees(seed)
