"""What people have asked of a release, by their records; and whether they have opened a gate."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.gates.approval import approved
from sluice.gates.asked_for import AskedFor, about, asked_for
from sluice.gates.reach import gates_for
from sluice.manifests.own.audit_record import AuditRecord
from sluice.manifests.own.gate import Gate
from sluice.manifests.own.gates.approval import ApprovalSpec
from tests.gates import gate_object, record_object
from tests.samples import NAME, NAMESPACE, canary, merged

GATE = f"{NAMESPACE}/four-eyes"


def records(*said: tuple[str, dict[str, Any]]) -> list[AuditRecord]:
    """Records in this order."""
    found = []
    for version, (act, more) in enumerate(said, 1):
        item = record_object(act, revision="r1", **more)
        item["metadata"]["resourceVersion"] = str(version)
        found.append(AuditRecord.parse(item))
    return found


def after(*said: tuple[str, dict[str, Any]], since: int = 0) -> AskedFor:
    """What is asked for after these records."""
    return asked_for(about(reversed(records(*said)), NAME, "r1"), since)


def test_the_last_word_counts() -> None:
    """Somebody who resumes takes back a pause; nobody takes back an abort but by trying again."""
    assert after(("pause", {"reason": "lunch"})).paused == "paused by alice: lunch"
    assert after(("pause", {}), ("resume", {})).paused == ""
    assert after(("abort", {"reason": "wrong"})).aborted == "aborted by alice: wrong"
    assert after(("abort", {}), ("resume", {})).aborted
    again = after(("approve", {"gate": GATE}), ("abort", {}), ("retry", {"by": "bob"}))
    assert (again.aborted, again.retried) == ("", "tried again by bob")
    assert [one.spec.act for one in again.records] == ["retry"], "approvals were of the earlier try"


def test_what_was_said_before_the_release_was_begun_is_not_of_it() -> None:
    """Its journal knows up to which record."""
    late = after(("abort", {}), ("pause", {}), since=1)
    assert (late.aborted, late.paused, len(late.records)) == ("", "paused by alice", 1)
    assert after(("retry", {}), since=1).retried == ""


def test_what_is_about_another_revision_or_canary_says_nothing() -> None:
    """An approval is of one revision."""
    said = records(("abort", {}))
    assert about(said, NAME, "r2") == about(said, "other", "r1") == []


@pytest.mark.parametrize(("named", "let_be"), [(GATE, True), ("*", True), ("", True), ("shop-test/other", False)])
def test_an_override_is_of_the_gate_that_it_names(named: str, let_be: bool) -> None:
    """Or of all of them."""
    assert bool(after(("override", {"gate": named})).override(GATE)) is let_be


@pytest.mark.parametrize(
    ("spec", "said", "opens", "refuses"),
    [
        ({}, [("approve", "alice")], True, False),
        ({}, [], False, False),
        ({"people": ["bob"]}, [("approve", "alice")], False, False),
        ({"people": ["bob"]}, [("approve", "alice"), ("approve", "bob")], True, False),
        ({"people": ["bob"]}, [("reject", "alice")], False, False),
        ({"needed": 2}, [("approve", "alice"), ("approve", "alice")], False, False),
        ({"needed": 2}, [("approve", "alice"), ("approve", "bob")], True, False),
        ({"needed": 2}, [("approve", "alice"), ("reject", "bob"), ("approve", "carol")], False, True),
    ],
)
def test_who_opens_a_gate(spec: dict[str, Any], said: list[tuple[str, str]], opens: bool, refuses: bool) -> None:
    """Those who may, as many different ones as it needs; any of them can refuse."""
    found = records(*((act, {"by": by, "gate": GATE}) for act, by in said))
    result = approved(ApprovalSpec.model_validate(spec), GATE, found, waited=10)
    assert (result.open, result.refused) == (opens, refuses)


def test_members_of_a_group_may_and_others_may_not() -> None:
    """By the groups that the record has."""
    spec = ApprovalSpec.model_validate({"groups": ["sre"]})
    for groups, opens in (["sre"], True), (["dev"], False), ([], False):
        assert approved(spec, GATE, records(("approve", {"gate": GATE, "groups": groups})), 0).open is opens


def test_an_approval_of_another_gate_opens_nothing_and_a_late_one_neither() -> None:
    """The time that a gate waits is bounded, and it says what it waits for."""
    spec = ApprovalSpec.model_validate({"expires": "1h", "people": ["bob"]})
    assert not approved(spec, "shop-test/other", records(("approve", {"gate": GATE, "by": "bob"})), 0).open
    waiting = approved(spec, GATE, [], 600)
    assert (waiting.said, waiting.expires_in) == ("waits for approval by bob", 3000)
    late = approved(spec, GATE, [], 3600)
    assert (late.refused, late.said) == (True, "nobody approved it within 1 hour")


@pytest.mark.parametrize(
    ("where", "spec", "home", "has_a_say"),
    [
        (NAMESPACE, {}, "sluice", True),
        ("sluice", {}, "sluice", False),
        ("sluice", {"namespaces": ["*"]}, "sluice", True),
        ("sluice", {"namespaces": [NAMESPACE]}, "sluice", True),
        ("sluice", {"namespaces": ["others"]}, "sluice", False),
        ("team", {"namespaces": ["*"]}, "sluice", False),
        (NAMESPACE, {"suspend": True}, "sluice", False),
        (NAMESPACE, {"canaries": {"matchLabels": {"tier": "gold"}}}, "sluice", True),
        (NAMESPACE, {"canaries": {"matchLabels": {"tier": "iron"}}}, "sluice", False),
    ],
)
def test_which_gates_have_a_say(where: str, spec: dict[str, Any], home: str, has_a_say: bool) -> None:
    """A team's Gate stops its own releases; only the platform team's, in sluice's own namespace, stop those of others."""
    one = Gate.parse(merged(gate_object(**spec), {"metadata": {"namespace": where}}))
    ours = canary({})
    ours = ours.model_copy(update={"metadata": ours.metadata.model_copy(update={"labels": {"tier": "gold"}})})
    assert bool(gates_for([one], ours, home)) is has_a_say


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"approval": None}, "exactly one of"),
        ({"approval": {}, "webhook": {"url": "https://ask"}}, "exactly one of"),
        ({"approval": {"people": ["a"], "needed": 2}}, "people names 1"),
        ({"at": []}, "spec.at"),
        ({"at": ["someday"]}, "spec.at"),
        ({"approval": {"needed": 0}}, "spec.approval.needed"),
        ({"approval": {"expires": "soon"}}, "spec.approval.expires"),
    ],
)
def test_a_gate_that_cannot_be_is_refused_by_field(spec: dict[str, Any], named: str) -> None:
    """With the way out."""
    with pytest.raises(InvalidError, match=named):
        Gate.parse(merged(gate_object(), {"spec": spec}))
