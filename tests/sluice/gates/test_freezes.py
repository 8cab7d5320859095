"""Which Freeze holds a release, until when, and what people read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.gates.freezes import frozen, next_change, sentence, state
from sluice.manifests.own.freeze import Freeze
from tests.samples import NAMESPACE, canary

Json = dict[str, Any]
NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)
HOME = "sluice-system"
URL = "https://calendar.example/freezes.ics"


def freeze(spec: Json | None = None, namespace: str = NAMESPACE, status: Json | None = None) -> Freeze:
    """A Freeze as somebody applies it."""
    meta = {"name": "year-end", "namespace": namespace}
    return Freeze.parse({"metadata": meta, "spec": spec or {}, "status": status or {}})


def says(*freezes: Freeze, now: datetime = NOW, let_be: str = "", cluster: str = "") -> str:
    """What people read."""
    found = frozen(freezes, canary(), home=HOME, cluster=cluster, now=now)
    return sentence(found, now, lambda key: "let be" if key == let_be else "")


def test_a_freeze_says_until_when_by_whom_and_why() -> None:
    """In its own zone."""
    spec = {"from": "2026-12-20T18:00", "until": "2027-01-04T08:00", "timeZone": "Europe/Berlin", "by": "alice"}
    text = says(freeze(spec | {"reason": "year end"}))
    assert text == f"frozen until Mon 4 Jan 2027 08:00 Europe/Berlin by Freeze {NAMESPACE}/year-end (alice): year end"
    assert says(freeze(spec), now=datetime(2027, 1, 4, 7, tzinfo=UTC)) == ""
    assert says(freeze(spec), now=datetime(2026, 12, 20, 16, 59, 59, tzinfo=UTC)) == ""
    assert says(freeze()) == f"frozen by Freeze {NAMESPACE}/year-end", "until somebody takes it away"


def test_when_a_freeze_begins_is_known_before() -> None:
    """So that what runs then is held at once."""
    found = frozen([freeze({"from": "2026-12-24T18:00:00+01:00"})], canary(), home=HOME, cluster="", now=NOW)
    assert next_change(found) == datetime(2026, 12, 24, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("spec", "namespace", "cluster", "holds"),
    [
        pytest.param({}, NAMESPACE, "", True, id="its own namespace"),
        pytest.param({}, "other", "", False, id="another team's"),
        pytest.param({"namespaces": ["*"]}, "other", "", False, id="a team freezes no others"),
        pytest.param({"namespaces": [NAMESPACE]}, "other", "", False, id="nor by name"),
        pytest.param({}, HOME, "", False, id="of the platform, for itself"),
        pytest.param({"namespaces": ["*"]}, HOME, "", True, id="of the platform, for all"),
        pytest.param({"namespaces": [NAMESPACE]}, HOME, "", True, id="of the platform, by name"),
        pytest.param({"namespaces": ["other"]}, HOME, "", False, id="of the platform, for others"),
        pytest.param({"canaries": {"matchLabels": {"tier": "x"}}}, NAMESPACE, "", False, id="other labels"),
        pytest.param({"clusters": ["prod-eu"]}, NAMESPACE, "prod-eu", True, id="this cluster"),
        pytest.param({"clusters": ["prod-eu"]}, NAMESPACE, "prod-us", False, id="another cluster"),
        pytest.param({"clusters": ["prod-eu"]}, NAMESPACE, "", False, id="a cluster without a name"),
        pytest.param({"suspend": True}, NAMESPACE, "", False, id="suspended"),
    ],
)
def test_whom_a_freeze_holds(spec: Json, namespace: str, cluster: str, holds: bool) -> None:
    """A team itself alone; the platform team whom it names."""
    assert bool(says(freeze(spec, namespace), cluster=cluster)) is holds


def test_a_freeze_is_let_be_by_its_name() -> None:
    """The others hold on."""
    ours, theirs = freeze({"reason": "ours"}), freeze({"reason": "all", "namespaces": ["*"]}, HOME)
    assert says(ours, theirs, let_be=ours.key) == f"frozen by Freeze {HOME}/year-end: all"


def following(copied: Json | None, **calendar: Any) -> Freeze:
    """A Freeze that follows a calendar, with its last copy."""
    spec = {"calendar": {"url": URL, **calendar}}
    asked = freeze(spec).spec.calendar_asked
    return freeze(spec, status={"calendar": {"asked": asked, **copied}} if copied is not None else {})


def copy(age: timedelta = timedelta(), error: str = "") -> Json:
    """A copy with an event that is on at `NOW` and another one right after it."""
    return {
        "readAt": (NOW - age).isoformat(),
        "coversUntil": (NOW + timedelta(days=400)).isoformat(),
        "error": error,
        "events": [
            {"from": "2026-12-24T00:00:00+00:00", "until": "2026-12-25T00:00:00+00:00", "summary": "Christmas"},
            {"from": "2026-12-25T00:00:00+00:00", "until": "2026-12-27T00:00:00+00:00", "summary": "more"},
            {"from": "2026-12-31T00:00:00+00:00", "until": "2027-01-02T00:00:00+00:00", "summary": "New Year"},
        ],
    }


def test_events_of_a_calendar_freeze_and_those_that_follow_each_other_are_one() -> None:
    """Until the last of them is over; then the next one is waited for."""
    found = state(following(copy()), NOW)
    assert (found.holds, found.until, found.why) == (True, datetime(2026, 12, 27, tzinfo=UTC), "Christmas")
    between = state(following(copy(-timedelta(days=4))), NOW + timedelta(days=4))
    assert (between.holds, between.until) == (False, datetime(2026, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize(("afterwards", "holds"), [("freeze", True), ("release", False)])
def test_a_calendar_that_is_away_holds_by_its_last_copy_and_then_as_it_says(afterwards: str, holds: bool) -> None:
    """And says which of the two it is."""
    away = following(copy(timedelta(days=2), "it answered 500"), afterwards=afterwards)
    assert says(away).endswith(
        ": Christmas (by its calendar as of Tue 12:00 UTC, which cannot be read: it answered 500)"
    )
    too_long = following(copy(timedelta(days=4), "it answered 500"), afterwards=afterwards)
    found = state(too_long, NOW)
    assert (found.holds, found.why) == (holds, "its calendar could not be read for 3 days: it answered 500")


@pytest.mark.parametrize(("afterwards", "holds"), [("freeze", True), ("release", False)])
def test_a_calendar_that_was_never_read_or_is_another_one_by_now(afterwards: str, holds: bool) -> None:
    """A copy of another calendar, or by another filter, is none."""
    assert state(following(None, afterwards=afterwards), NOW).holds is holds
    other = following(copy(), afterwards=afterwards)
    edited = other.model_copy(update={"spec": following(None, afterwards=afterwards, summary="Freeze").spec})
    found = state(edited, NOW)
    assert (found.holds, found.why) == (holds, "its calendar was not read yet")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"from": "18:00"}, "names no day"),
        ({"from": "tomorrow"}, "is no time"),
        ({"from": "2026-12-24T18:00", "until": "2026-12-24T18:00"}, "is not after"),
        ({"from": "2026-12-24T18:00Z", "until": "2026-12-25T18:00"}, "need one form"),
        ({"from": "2026-13-24T18:00"}, "no day of the calendar"),
        ({"timeZone": "Europe/Berln"}, "did you mean Europe/Berlin?"),
        ({"calendar": {"url": "ftp://a/b"}}, "url"),
        ({"calendar": {"url": URL, "summary": "("}}, "no regular expression"),
        ({"calendar": {"url": URL, "interval": "1s"}}, "interval"),
    ],
)
def test_a_freeze_that_cannot_be_meant_is_refused(spec: Json, says: str) -> None:
    """With the field and the way out."""
    with pytest.raises(InvalidError, match=r"Freeze .*/year-end is not valid") as refused:
        freeze(spec)
    assert says in str(refused.value)
