"""Windows on the days on which clocks and calendars are odd, by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sluice.gates.windows.state import window_state
from sluice.manifests.own.gates.window import WindowSpec

Json = dict[str, Any]
OFFICE = {"name": "office-hours", "weekdays": ["Mon-Fri"], "from": "09:00", "to": "17:00"}
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def state(given: Json, now: str) -> Any:
    return window_state(WindowSpec.model_validate(given), at(now))


def test_people_read_until_when_in_the_zone_of_the_window() -> None:
    """The sentence names the next opening by that zone's clock, and what closes it."""
    window = {"timeZone": BERLIN, "allow": [OFFICE]}
    found = state(window, "2026-11-28T10:00+00:00")
    assert found.sentence(BERLIN, at("2026-11-28T10:00+00:00")) == (
        "closed until Mon 09:00 Europe/Berlin: outside office-hours"
    )
    assert found.since == at("2026-11-27T17:00+01:00")
    assert state(window, "2026-11-30T09:00+01:00").open
    assert not state(window, "2026-11-30T17:00+01:00").open


def test_a_deny_wins_and_what_follows_it_is_found_behind_it() -> None:
    """The next opening is the first allowed moment that nothing denies."""
    shut = {"name": "year-end", "dates": [{"from": "12-20", "to": "01-06"}]}
    window = {"timeZone": BERLIN, "allow": [OFFICE], "deny": [shut]}
    found = state(window, "2026-12-21T10:00+01:00")
    assert (found.open, found.why, found.until) == (False, "denied by year-end", at("2027-01-07T09:00+01:00"))
    assert found.sentence(BERLIN, at("2026-12-21T10:00+01:00")).startswith("closed until Thu 7 Jan 2027 09:00")


SPRING, AUTUMN = "2026-03-29", "2026-10-25"


@pytest.mark.parametrize(
    ("entry", "side", "opens_or_closes"),
    [
        pytest.param(
            {"from": "02:30", "to": "05:00", "dates": [{"from": SPRING}]},
            "allow",
            (f"{SPRING}T03:00+02:00", f"{SPRING}T05:00+02:00"),
            id="begins at a time that the clock leaps over",
        ),
        pytest.param(
            {"from": "01:00", "to": "02:30", "dates": [{"from": SPRING}]},
            "allow",
            (f"{SPRING}T01:00+01:00", f"{SPRING}T03:00+02:00"),
            id="ends at a time that the clock leaps over",
        ),
        pytest.param(
            {"from": "02:30", "to": "05:00", "dates": [{"from": AUTUMN}]},
            "allow",
            (f"{AUTUMN}T02:30+02:00", f"{AUTUMN}T05:00+01:00"),
            id="begins at the first of two",
        ),
        pytest.param(
            {"from": "01:00", "to": "02:30", "dates": [{"from": AUTUMN}]},
            "allow",
            (f"{AUTUMN}T01:00+02:00", f"{AUTUMN}T02:30+02:00"),
            id="an allow ends at the first of two",
        ),
        pytest.param(
            {"from": "01:00", "to": "02:30", "dates": [{"from": AUTUMN}]},
            "deny",
            (f"{AUTUMN}T01:00+02:00", f"{AUTUMN}T02:30+01:00"),
            id="a deny ends at the second of two",
        ),
        pytest.param(
            {"cron": "30 2 29 3 *", "duration": "8h"},
            "allow",
            (f"{SPRING}T03:00+02:00", f"{SPRING}T11:00+02:00"),
            id="a cron that is leapt over begins at the leap and has its whole duration",
        ),
        pytest.param(
            {"cron": "0 0 25 10 *", "duration": "8h"},
            "allow",
            (f"{AUTUMN}T00:00+02:00", f"{AUTUMN}T07:00+01:00"),
            id="a duration is by the stopwatch",
        ),
    ],
)
def test_a_day_on_which_the_clock_is_changed(entry: Json, side: str, opens_or_closes: tuple[str, str]) -> None:
    """A time is the first moment at which the clock shows it or a later one; a deny is the longer one."""
    window = {"timeZone": BERLIN, side: [entry]}
    first = state(window, opens_or_closes[0])
    assert (first.open, first.since, first.until) == (side == "allow", at(opens_or_closes[0]), at(opens_or_closes[1]))
    assert state(window, opens_or_closes[1]).open is (side == "deny")


def test_a_range_that_is_leapt_over_does_not_come() -> None:
    """From 02:15 to 02:45 is nothing in a night without either."""
    window = {"timeZone": BERLIN, "allow": [{"from": "02:15", "to": "02:45"}]}
    assert state(window, "2026-03-28T12:00+01:00").until == at("2026-03-30T02:15+02:00")


@pytest.mark.parametrize(
    ("now", "is_open"),
    [("2028-02-29T12:00+00:00", True), ("2027-02-28T12:00+00:00", False), ("2027-03-01T12:00+00:00", False)],
)
def test_a_leap_day_of_each_year_is_of_leap_years_alone(now: str, is_open: bool) -> None:
    """One day that a year has not does not come in it."""
    assert state({"allow": [{"dates": [{"from": "02-29"}]}]}, now).open is is_open


@pytest.mark.parametrize(
    ("dates", "opens"),
    [
        ({"from": "02-29", "to": "03-05"}, "2027-03-01T00:00+00:00"),
        ({"from": "02-20", "to": "02-29"}, "2027-02-20T00:00+00:00"),
        ({"from": "12-31", "to": "01-01"}, "2026-12-31T00:00+00:00"),
    ],
)
def test_days_of_each_year_around_a_leap_day_and_over_new_year(dates: Json, opens: str) -> None:
    """What begins on 29 February begins on 1 March in other years, what ends on it ends on the 28th."""
    assert state({"allow": [{"dates": [dates]}]}, "2026-11-28T00:00+00:00").until == at(opens)


def test_a_day_that_a_zone_left_out_does_not_come() -> None:
    """Samoa had no 30 December 2011: it went over the date line."""
    window = {"timeZone": "Pacific/Apia", "allow": [{"dates": [{"from": "2011-12-30"}]}]}
    assert state(window, "2011-12-29T00:00+00:00").until is None


def test_a_change_that_is_years_away_is_found() -> None:
    """The first 29 February that is a Monday, by its own clock."""
    window = {"allow": [{"weekdays": ["Mon"], "dates": [{"from": "02-29"}]}]}
    assert state(window, "2037-01-01T00:00+00:00").until == at("2044-02-29T00:00+00:00")


def test_what_never_changes_is_told_without_end() -> None:
    """All minutes of all days have no next change, and asking for it comes to an end."""
    found = state({"allow": [{"cron": "* * * * *", "duration": "1m"}]}, "2026-11-28T10:00+00:00")
    assert (found.open, found.since, found.until) == (True, None, None)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "neither `allow` nor `deny`"),
        ({"timeZone": "Europe/Berln", "deny": [OFFICE]}, "did you mean Europe/Berlin?"),
        ({"timeZone": "europe/berlin", "deny": [OFFICE]}, "did you mean Europe/Berlin?"),
        ({"timeZone": "W. Europe Standard Time", "deny": [OFFICE]}, "is no time zone"),
        ({"timeZone": "../../etc/passwd", "deny": [OFFICE]}, "is no time zone"),
        ({"deny": [{"name": "nothing"}]}, "it names no time"),
        ({"deny": [{"cron": "0 0 30 2 *", "duration": "1h"}]}, "no month that it names has that day"),
        ({"deny": [{"cron": "0 9 * *", "duration": "1h"}]}, "write five fields"),
        ({"deny": [{"cron": "0 0 9 * * 1-5", "duration": "1h"}]}, "write five fields"),
        ({"deny": [{"cron": "TZ=UTC 0 9 * * *", "duration": "1h"}]}, "the zone goes into `timeZone`"),
        ({"deny": [{"cron": "0 9 * * *"}]}, "add `duration`"),
        ({"deny": [{"cron": "0 9 * * *", "duration": "0s"}]}, "greater than or equal to 60"),
        ({"deny": [{"duration": "8h"}]}, "`duration` goes with `cron`"),
        ({"deny": [{"cron": "0 9 * * *", "duration": "8h", "to": "17:00"}]}, "`cron` goes with `duration` alone"),
        ({"deny": [{"from": "09:00", "to": "09:00"}]}, "is empty"),
        ({"deny": [{"from": "24:00", "to": "09:00"}]}, "is empty"),
        ({"deny": [{"from": "24:01"}]}, "from 00:00 to 24:00"),
        ({"deny": [{"from": "9:00"}]}, "is no time"),
        ({"deny": [{"from": 1020}]}, "in quotes"),
        ({"deny": [{"from": "Fri 18:00", "to": "08:00"}]}, "need one form"),
        ({"deny": [{"from": "Fri 18:00", "to": "Mon 08:00", "weekdays": ["Fri"]}]}, "leave out `weekdays`"),
        ({"deny": [{"from": "2026-12-24T18:00", "to": "2026-12-24T08:00"}]}, "exchange them"),
        ({"deny": [{"dates": [{"from": "2026-12-24", "to": "2026-12-20"}]}]}, "exchange them"),
        ({"deny": [{"dates": [{"from": "2026-12-24", "to": "01-06"}]}]}, "need one form"),
        ({"deny": [{"dates": [{"from": "2026-02-29"}]}]}, "no day of the calendar"),
        ({"deny": [{"weekdays": ["Funday"]}]}, "no day of the week"),
        ({"deny": [OFFICE], "onClose": "panic"}, "onClose"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_out(given: Json, says: str) -> None:
    """A window that would never open, or that says two things, is no window."""
    with pytest.raises(ValueError, match=r"(?s).*") as refused:
        WindowSpec.model_validate(given)
    assert says in str(refused.value)
