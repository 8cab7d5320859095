"""Feeds are fetched within limits and as whom the Secret says, and read in a process that ends."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from blocks.calendars import feed
from blocks.calendars.feed import fetch
from blocks.calendars.reading import read
from sluice.errors import ForbiddenError, InvalidError, NotFoundError, SluiceError, TransientError
from sluice.gates.calendar_events import Wanted
from sluice.manifests.own.freeze import FreezeCalendar
from tests.calendars import calendar, event
from tests.served import served

NOW = datetime(2026, 11, 28, tzinfo=UTC)
TEXT = calendar(event("a", "SUMMARY:Freeze", "DTSTART:20261224T180000Z", "DTEND:20261226T200000Z"))


@dataclass
class Server:
    """A server of a calendar."""

    status: int = 200
    body: bytes = TEXT
    headers: list[tuple[bytes, bytes]] = field(default_factory=lambda: [(b"etag", b'"7"')])
    asked: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append({key.decode(): value.decode() for key, value in scope["headers"]} | {"path": scope["path"]})
        same = self.status == 200 and self.asked[-1].get("if-none-match") == '"7"'
        await send({"type": "http.response.start", "status": 304 if same else self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"" if same else self.body})


@asynccontextmanager
async def serving(**server: Any) -> AsyncIterator[tuple[Server, FreezeCalendar]]:
    """A server, and a calendar that is there."""
    app = Server(**server)
    async with served(app) as url:
        yield app, FreezeCalendar(url=f"{url}/freezes.ics")


def secret(**data: str) -> dict[str, Any]:
    """A Secret with these keys."""
    coded = {key.replace("_", "."): base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": "login", "namespace": "shop"}, "data": coded}


async def test_what_has_not_changed_is_not_brought_again() -> None:
    """By the ETag."""
    async with serving() as (_, asked):
        first = await fetch(asked, None)
        assert (first.text, first.etag) == (TEXT, '"7"')
        again = await fetch(asked, None, first.etag)
        assert (again.text, again.etag) == (None, '"7"')


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ({"username": "me", "password": "hush"}, "Basic " + base64.b64encode(b"me:hush").decode()),
        ({"token": "hush"}, "Bearer hush"),
    ],
)
async def test_who_asks_is_said_by_the_secret(keys: dict[str, str], shown: str) -> None:
    """Name and password, or a token."""
    async with serving() as (server, asked):
        await fetch(asked, secret(**keys))
        assert server.asked[0]["authorization"] == shown


async def test_an_address_may_be_the_secret_and_is_in_no_message() -> None:
    """As Google's and Outlook's are; people read that of the manifest."""
    async with serving(status=500) as (server, there):
        asked = FreezeCalendar(url="https://calendar.example/private")
        with pytest.raises(TransientError) as failed:
            await fetch(asked, secret(url=there.url.replace("freezes", "s3cr3t")))
        assert server.asked[0]["path"] == "/s3cr3t.ics"
        assert str(failed.value) == "https://calendar.example/private answered 500"


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (404, NotFoundError, "mend spec.calendar.url"),
        (401, ForbiddenError, "set spec.calendar.secretRef"),
        (503, TransientError, "answered 503"),
        (429, TransientError, "answered 429"),
        (302, SluiceError, "answered 302"),
    ],
)
async def test_what_a_server_says_instead_is_told(status: int, error: type[Exception], says: str) -> None:
    """With who said it, and what to mend."""
    async with serving(status=status, headers=[(b"retry-after", b"90")]) as (_, asked):
        with pytest.raises(error) as failed:
            await fetch(asked, None)
        assert says in str(failed.value)
        if isinstance(failed.value, TransientError):
            assert failed.value.retry_after == 90


async def test_a_feed_that_is_too_large_or_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no calendar without events."""
    monkeypatch.setattr(feed, "MOST", len(TEXT) - 1)
    async with serving() as (_, asked):
        with pytest.raises(InvalidError, match="has more than"):
            await fetch(asked, None)
    with pytest.raises(TransientError, match="does not answer"):
        await fetch(asked, None)


async def test_a_calendar_is_read_in_a_process_of_its_own() -> None:
    """With the events that count, and up to when all of them are listed."""
    found = await read(TEXT, Wanted(), NOW)
    (one,) = found.events
    assert (one.start, one.until, one.summary) == ("2026-12-24T18:00:00+00:00", "2026-12-26T20:00:00+00:00", "Freeze")
    assert found.covers_until.startswith("2028-01-02")


async def test_of_very_many_events_the_next_ones_are_listed() -> None:
    """And it says up to when: that is as long as the copy holds."""
    daily = event("a", "DTSTART:20261101T180000Z", "DTEND:20261101T190000Z", "RRULE:FREQ=DAILY")
    found = await read(calendar(daily), Wanted(), NOW)
    assert len(found.events) == 300
    assert found.covers_until == "2027-09-23T18:00:00+00:00"


@pytest.mark.soak
async def test_a_calendar_that_asks_for_work_without_end_ends_its_process() -> None:
    """Rules that never come are looked for until the year 9999; ten seconds of a processor are what they get."""
    lines = ("DTSTART:20260101T180000Z", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")
    with pytest.raises(SluiceError, match=r"too much work|was not read within"):
        await read(calendar(*(event(str(uid), *lines) for uid in range(30))), Wanted(), NOW)


async def test_what_cannot_be_read_says_why() -> None:
    """In one sentence."""
    with pytest.raises(InvalidError, match="the calendar: its answer is no calendar"):
        await read(b"<html>", Wanted(), NOW)
