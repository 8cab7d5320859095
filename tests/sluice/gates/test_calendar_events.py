"""The events of a calendar: recurrences with their exceptions, days, zones of others, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sluice.errors import InvalidError
from sluice.gates.calendar_events import Wanted, events
from tests.calendars import CUSTOM_ZONE, calendar, event

SINCE = datetime(2026, 11, 28, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=400)
AT_SIX = ("DTSTART:20261224T180000Z", "DTEND:20261224T200000Z")


def found(text: bytes, wanted: Wanted = Wanted(), until: datetime = UNTIL) -> list[tuple[str, str, str]]:  # noqa: B008
    """Each time at which an event takes place: from, to, what."""
    form = "%Y-%m-%dT%H:%MZ"
    return [(f"{one.start:{form}}", f"{one.end:{form}}", one.summary) for one in events(text, wanted, SINCE, until)]


def test_a_series_with_a_day_left_out_one_moved_and_one_cancelled() -> None:
    """EXDATE, an override by RECURRENCE-ID, and STATUS:CANCELLED; by the clock of their zone."""
    berlin = ";TZID=Europe/Berlin:"
    text = calendar(
        event(
            "weekly",
            "SUMMARY:Freeze",
            f"DTSTART{berlin}20260102T180000",
            f"DTEND{berlin}20260102T200000",
            "RRULE:FREQ=WEEKLY;BYDAY=FR",
            f"EXDATE{berlin}20261204T180000",
        ),
        event(
            "weekly",
            "SUMMARY:Freeze, moved",
            f"RECURRENCE-ID{berlin}20261211T180000",
            f"DTSTART{berlin}20261210T180000",
            f"DTEND{berlin}20261210T190000",
        ),
        event(
            "weekly",
            "STATUS:CANCELLED",
            f"RECURRENCE-ID{berlin}20261218T180000",
            f"DTSTART{berlin}20261218T180000",
            f"DTEND{berlin}20261218T200000",
        ),
    )
    assert found(text, until=datetime(2026, 12, 26, tzinfo=UTC)) == [
        ("2026-12-10T17:00Z", "2026-12-10T18:00Z", "Freeze, moved"),
        ("2026-12-25T17:00Z", "2026-12-25T19:00Z", "Freeze"),
    ]


@pytest.mark.parametrize(
    ("lines", "start", "end"),
    [
        pytest.param(
            ("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227"),
            "2026-12-23T23:00Z",
            "2026-12-26T23:00Z",
            id="days",
        ),
        pytest.param(("DTSTART;VALUE=DATE:20261224",), "2026-12-23T23:00Z", "2026-12-24T23:00Z", id="one day"),
        pytest.param(
            ("DTSTART:20261224T180000", "DTEND:20261224T200000"),
            "2026-12-24T17:00Z",
            "2026-12-24T19:00Z",
            id="without a zone",
        ),
        pytest.param(
            ("DTSTART:20261224T180000Z", "DURATION:PT2H"), *("2026-12-24T18:00Z", "2026-12-24T20:00Z"), id="long"
        ),
        pytest.param(
            ("DTSTART;TZID=W. Europe Standard Time:20261224T180000", "DURATION:PT2H"),
            "2026-12-24T17:00Z",
            "2026-12-24T19:00Z",
            id="a zone of Windows",
        ),
        pytest.param(
            ("DTSTART;TZID=Customized Time Zone:20261224T180000", "DURATION:PT2H"),
            "2026-12-24T17:00Z",
            "2026-12-24T19:00Z",
            id="a zone of the calendar's own, in winter",
        ),
        pytest.param(
            ("DTSTART;TZID=Customized Time Zone:20270624T180000", "DURATION:PT2H"),
            "2027-06-24T16:00Z",
            "2027-06-24T18:00Z",
            id="and in summer",
        ),
    ],
)
def test_when_an_event_is(lines: tuple[str, ...], start: str, end: str) -> None:
    """Days, and times without a zone, are by the clock of the Freeze's zone."""
    text = calendar(CUSTOM_ZONE, event("a", "SUMMARY:x", *lines))
    assert found(text, Wanted(time_zone="Europe/Berlin")) == [(start, end, "x")]


def test_times_without_a_zone_are_by_that_of_their_calendar_where_it_names_one() -> None:
    """As Google writes it."""
    text = calendar("X-WR-TIMEZONE:America/New_York\r\n", event("a", "DTSTART:20261224T180000", "DURATION:PT1H"))
    assert found(text)[0][0] == "2026-12-24T23:00Z"


@pytest.mark.parametrize(
    ("wanted", "counts"),
    [
        (Wanted(summary="(?i)^code freeze"), True),
        (Wanted(summary="Freeze$"), False),
        (Wanted(categories=("ops", "freeze")), True),
        (Wanted(categories=("party",)), False),
        (Wanted(summary="Freeze", categories=("party",)), False),
    ],
)
def test_which_events_count(wanted: Wanted, counts: bool) -> None:
    """By summary and category."""
    text = calendar(event("a", "SUMMARY:Code Freeze for Q4", "CATEGORIES:Freeze,Holidays", *AT_SIX))
    assert bool(found(text, wanted)) is counts


def test_what_does_not_count_harms_nothing() -> None:
    """A calendar of people has anything in it."""
    text = calendar(event("a", "SUMMARY:Freeze", *AT_SIX), event("b", "SUMMARY:pulse", *AT_SIX, "RRULE:FREQ=SECONDLY"))
    assert len(found(text, Wanted(summary="Freeze"))) == 1


def test_a_cancelled_calendar_freezes_nothing() -> None:
    """METHOD:CANCEL takes back what it has in it."""
    assert found(calendar("METHOD:CANCEL\r\n", event("a", *AT_SIX))) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"<html>log in</html>", "no BEGIN:VCALENDAR"),
        (b"", "no BEGIN:VCALENDAR"),
        (calendar(event("a", "SUMMARY:x", *AT_SIX, "RRULE:FREQ=SECONDLY")), "'x' comes many times a day"),
        (calendar(event("a", "SUMMARY:x", *AT_SIX, "RRULE:FREQ=HOURLY")), "many times a day"),
        (
            calendar(event("a", *AT_SIX, "RRULE:FREQ=YEARLY;BYHOUR=1,2;BYMINUTE=1,2;BYSECOND=1,2")),
            "several hours and minutes",
        ),
        (calendar(event("a", "SUMMARY:x", *AT_SIX, "RRULE:FREQ=SOMETIMES")), "cannot be read (at 'x')"),
        (calendar(event("a", "SUMMARY:x")), "no DTSTART"),
        (calendar(event("a", "DTSTART:00010101T000000Z", "RRULE:FREQ=DAILY")), "no DTSTART of 1970 or later"),
        (calendar(event("a", "SUMMARY:x", "DTSTART;TZID=Mars/Phobos:20261224T180000")), "nobody knows (Mars/Phobos)"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_no_calendar_without_events(text: bytes, says: str) -> None:
    """Else a freeze would be gone, and nobody would know."""
    with pytest.raises(InvalidError) as refused:
        found(text)
    assert says in str(refused.value)
