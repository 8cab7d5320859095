"""What is found of a flag: run over the whole table, and each row's own edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.flags.audit.findings.base import Subject, Survey, Use
from sluice.flags.audit.findings.mistyped import nearest
from sluice.flags.audit.findings.table import FINDINGS, judged
from sluice.flags.audit.record import State, states
from sluice.flags.flag import Flag, FlagKind, FlagState, Served
from sluice.flags.reference import Place, Reference
from sluice.manifests.own.flag_audit import SeenState

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
LONG, SHORT = NOW - timedelta(days=31), NOW - timedelta(days=29)


def state(everybody: str | None, since: datetime = LONG, **more: Any) -> State:
    said_by = more.pop("said_by", "service")
    return State(str(Served(everybody=everybody)), everybody, since, said_by, **more)


def use(key: str, sure: bool = True) -> Use:
    return Use("team/shop", Reference(key, Place("app.py", 3), "client.is_enabled", "python", sure))


def subject(key: str = "new-checkout", *at: State, used: bool = True, **flag: Any) -> Subject:
    named = dict(zip(("production", "staging"), at, strict=False))
    return Subject(key, Flag(key=key, **flag), named, (use(key),) if used else ())


def survey(*keys: str, **more: Any) -> Survey:
    return Survey(NOW, 30, frozenset(keys or ("new-checkout",)), **more)


VARIANT = {"kind": FlagKind.VARIANT, "variants": ("a", "b")}
CASES = {
    "fully-on": (subject("new-checkout", state("true"), state("true")), survey()),
    "fully-off": (subject("new-checkout", state("false")), survey()),
    "experiment-over": (subject("new-checkout", state("b"), state("b"), **VARIANT), survey()),
    "unknown-in-code": (subject("new-checkout", state("true"), used=False), survey()),
    "unknown-in-service": (Subject("gone", uses=(use("gone"),)), survey()),
    "mistyped": (Subject("new-chekcout", uses=(use("new-chekcout"),)), survey()),
    "live": (subject("new-checkout", state(None), state("true")), survey()),
}


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda one: one.name)
def test_each_row_is_found_where_it_is_so_and_in_no_other_s_case(finding: Any) -> None:
    """The contract: a sample for each, a name for tables, a sentence with what to do, and nothing found by two."""
    assert finding.name in CASES, "a new finding needs a sample here"
    assert finding.name == finding.name.lower()
    assert " " not in finding.name
    assert finding.said.endswith(".")
    found = {name for name, (one, all_) in CASES.items() if judged(one, all_)[0] is finding}
    assert found == {finding.name}


def test_what_is_not_so_for_long_enough_everywhere_is_live() -> None:
    """The youngest environment counts, and one that differs is enough."""
    for at in ((state("true", SHORT),), (state("true"), state("true", SHORT)), (state("true"), state("false")), ()):
        assert judged(subject("new-checkout", *at), survey())[0].name == "live"


def test_a_flag_that_the_kill_switch_holds_is_not_done() -> None:
    """Somebody gives it back."""
    assert judged(subject("new-checkout", state("false", switched_off=True)), survey())[0].name == "live"


def test_what_is_meant_to_stay_is_not_done() -> None:
    """By a pattern of the manifest, or the flag's own tag; what nobody asks for is named nevertheless."""
    for more, of in ((("limit-*",), {}), ((), {"tags": ("permanent",)}), ((), {"tags": ("permanent=true",)})):
        kept = subject("limit-uploads", state("true"), **of)
        finding, found = judged(kept, survey("limit-uploads", keep=more))
        assert (finding.name, found.why) == ("live", "it is meant to stay")
    unused = subject("limit-uploads", state("true"), used=False)
    assert judged(unused, survey("limit-uploads", keep=("limit-*",)))[0].name == "unknown-in-code"


def test_since_when_is_said_with_who_says_it() -> None:
    """One environment whose service does not say makes it the audit's word."""
    both = subject("new-checkout", state("true"), state("true", said_by="audit"))
    assert judged(both, survey())[1].said_by == "audit"
    assert judged(CASES["fully-on"][0], survey())[1].said_by == "service"


def test_nothing_is_called_unused_where_not_all_was_read() -> None:
    """Nor where its key stands in a file of another language, nor where it is too young for its code to be there."""
    unused = subject("new-checkout", used=False)
    assert judged(unused, survey(whole=False))[0].name == "live"
    named = Subject(unused.key, unused.flag, named_in=("team/shop config/app.rb",))
    assert judged(named, survey())[0].name == "live"
    assert "config/app.rb" in judged(named, survey())[1].why
    young = subject("new-checkout", used=False, created_at=SHORT)
    assert judged(young, survey())[0].name == "live"


def test_a_key_that_is_not_certain_is_no_error() -> None:
    """It may be another one at run time."""
    assert judged(Subject("gone", uses=(use("gone", sure=False),)), survey())[0].name == "live"


def test_nothing_is_unknown_to_a_service_that_could_not_be_asked() -> None:
    """No answer is not an answer."""
    assert judged(Subject("gone", uses=(use("gone"),)), Survey(NOW, 30, None))[0].name == "live"


def test_code_that_asks_for_an_archived_flag_is_named_as_such() -> None:
    """It gets the default of its call."""
    finding, found = judged(subject("old", archived=True), survey())
    assert (finding.name, found.why) == ("unknown-in-service", "it is archived in the service")


def test_an_experiment_whose_last_day_has_passed_is_over_although_it_still_splits() -> None:
    """But it cannot be removed: nobody has said which variant stays."""
    split = subject("new-checkout", state(None), tags=("ends=2026-03-01",), **VARIANT)
    finding, found = judged(split, survey())
    assert (finding.name, found.value) == ("experiment-over", "")
    for tag in ("ends=2026-03-14", "ends=tomorrow", "ends="):
        assert judged(subject("new-checkout", state(None), tags=(tag,), **VARIANT), survey())[0].name == "live"


@pytest.mark.parametrize(
    ("key", "keys", "near"),
    [
        ("newCheckout", {"new-checkout"}, "new-checkout"),
        ("NEW_CHECKOUT", {"new-checkout", "old-checkout"}, "new-checkout"),
        ("new-chekcout", {"new-checkout"}, "new-checkout"),
        ("new-checkou", {"new-checkout"}, "new-checkout"),
        ("checkout-v3", {"checkout-v2"}, ""),
        ("beta", {"data", "bets"}, ""),
        ("search-a", {"search-b", "search-c"}, ""),
        ("dark-mode", {"dark-mode-toolbar"}, ""),
    ],
)
def test_what_was_probably_meant(key: str, keys: set[str], near: str) -> None:
    """A wrong guess sends somebody after a flag that is not his: where two are near, or a number differs, there is none."""
    assert nearest(key, frozenset(keys)) == near


def test_since_when_is_the_service_s_word_then_the_record_s_then_now() -> None:
    """A state that changed begins again; a clock that is ahead makes nothing older or younger."""
    said = FlagState(enabled=True, served=Served(everybody="true"), since=LONG)
    mute = FlagState(enabled=True, served=Served(everybody="true"))
    ahead = FlagState(enabled=True, since=NOW + timedelta(days=3))
    flag = Flag(key="f", environments={"a": said, "b": mute, "c": mute, "d": ahead, "e": mute})
    before = {
        "b": SeenState(serves="true for everybody", since="2026-01-01T00:00:00Z"),
        "c": SeenState(serves="false for everybody", since="2026-01-01T00:00:00Z"),
        "e": SeenState(serves="true for everybody", since="last week"),
    }
    found = states(flag, before, NOW)
    assert {name: (one.since, one.said_by) for name, one in found.items()} == {
        "a": (LONG, "service"),
        "b": (datetime(2026, 1, 1, tzinfo=UTC), "audit"),
        "c": (NOW, "audit"),
        "d": (NOW, "service"),
        "e": (NOW, "audit"),
    }
    assert found["b"].seen.since == "2026-01-01T00:00:00Z"
