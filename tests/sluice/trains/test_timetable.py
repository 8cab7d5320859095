"""Bells: in the train's own time zone, answered once, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sluice.errors import InvalidError
from sluice.manifests.own.train import Departure
from sluice.trains.timetable import check, departs, due_bell, next_bell
from tests.trains_samples import NOW, train

BERLIN = {"cron": "0 9 * * MON", "timeZone": "Europe/Berlin"}


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_next_bell_is_in_the_trains_own_time_zone() -> None:
    """Nine in Berlin is eight in UTC in winter, and seven in summer."""
    sut = train(departures=[BERLIN])
    found = next_bell(sut, at("2026-11-28T00:00:00Z"))
    assert found is not None
    assert found[0] == NOW
    assert departs(sut, NOW - 60) == "departs Mon 30 Nov 09:00 Europe/Berlin"
    summer = next_bell(sut, at("2026-07-01T00:00:00Z"))
    assert summer is not None
    assert summer[0] == at("2026-07-06T07:00:00Z")


@pytest.mark.parametrize(
    ("cron", "before", "bell"),
    [
        ("30 2 * * *", "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00"),
        ("30 2 * * *", "2026-10-25T00:00:00+02:00", "2026-10-25T02:30:00+02:00"),
        ("0 9 29 2 *", "2026-03-01T00:00:00+01:00", "2028-02-29T09:00:00+01:00"),
    ],
)
def test_days_on_which_clocks_change_have_one_bell(cron: str, before: str, bell: str) -> None:
    """A time that is skipped rings when the clock has jumped, one that comes twice rings once, as with cron."""
    sut = train(departures=[{"cron": cron, "timeZone": "Europe/Berlin"}])
    found = next_bell(sut, at(before))
    assert found is not None
    assert datetime.fromtimestamp(found[0], UTC) == datetime.fromisoformat(bell)
    after = next_bell(sut, found[0])
    assert after is not None
    assert after[0] - found[0] > 20 * 3600


def test_a_bell_is_due_until_it_is_answered_or_too_long_ago() -> None:
    """Whoever rings late rings all the same; nobody departs on a bell of last week."""
    known = {"knownSince": NOW - 3600}
    sut = train(departures=[BERLIN], status=known)
    assert due_bell(sut, NOW - 1) is None
    assert due_bell(sut, NOW) == NOW
    assert due_bell(sut, NOW + 599) == NOW
    assert due_bell(sut, NOW + 601) is None
    assert due_bell(train(departures=[BERLIN], status=known | {"lastBell": NOW}), NOW + 1) is None


def test_a_bell_from_before_the_timetable_was_seen_is_not_its_own() -> None:
    """Somebody who writes `0 9` at five past nine means tomorrow."""
    assert due_bell(train(departures=[BERLIN], status={"knownSince": NOW + 300}), NOW + 301) is None


def test_of_two_timetables_the_next_one_counts() -> None:
    """And the latest of those that rang."""
    sut = train(departures=[BERLIN, {"cron": "5 8 * * *"}], status={"knownSince": 1.0})
    found = next_bell(sut, NOW)
    assert found is not None
    assert found[0] == NOW + 300
    assert due_bell(sut, NOW + 301) == NOW + 300


def test_what_departs_by_hand_or_is_suspended_says_so() -> None:
    """In the same place of the sentence."""
    assert departs(train(), NOW) == "departs by hand"
    assert departs(train(departures=[BERLIN], suspend=True), NOW) == "is suspended"
    assert departs(train(departures=[{"cron": "every day"}]), NOW) == "has no timetable that can be read"


@pytest.mark.parametrize(
    ("departure", "said"),
    [
        ({"cron": "0 25 * * *"}, r"spec.departures\[0\].cron"),
        ({"cron": "tomorrow"}, "0 9 \\* \\* MON"),
        ({"cron": "* * *"}, "cron"),
        ({"cron": "0 9 * * *", "timeZone": "Europe/Atlantis"}, "Europe/Atlantis"),
        ({"cron": "0 9 * * *", "timeZone": "../../etc/passwd"}, "timeZone"),
        ({"cron": "0 9 * * *", "timeZone": ""}, "timeZone"),
        ({"cron": "0 0 30 2 *"}, "Bad day-of-month"),
    ],
)
def test_what_is_no_time_is_refused_by_its_field(departure: dict[str, str], said: str) -> None:
    """With an example of one."""
    with pytest.raises(InvalidError, match=said):
        check(Departure.model_validate(departure), "spec.departures[0]")
