"""What people ask for from chat and terminals: buttons that nobody can make, commands, and who may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.chat.slack_blocks import blocks
from lab.standins.slack_rules import check_blocks
from sluice.errors import InvalidError, UnverifiedError
from sluice.gates.answering.buttons import LONGEST, Button, Seal
from sluice.gates.answering.commands import VERBS, Command, command
from sluice.gates.answering.question import about_release, question
from sluice.gates.answering.records import record
from sluice.gates.answering.rights import Operators, Person, may_ask, too_late
from sluice.gates.approval import approved
from sluice.manifests.own.audit_record import Act, AuditRecord, AuditRecordSpec
from sluice.manifests.own.gate import Gate
from sluice.manifests.own.gates.approval import ApprovalSpec
from sluice.notices.message import Occasion, rollout_message
from tests.gates import gate_object, record_object
from tests.samples import NAME, NAMESPACE, canary

SEAL = Seal("secret")
BUTTON = Button(
    Act.APPROVE, NAMESPACE, NAME, "uid-1", "r2", 5, 2000.0, f"{NAMESPACE}/four-eyes", "uid-2", "confirm-rollout"
)
STATUS: dict[str, Any] = {
    "phase": "Progressing",
    "lastAppliedSpec": "r2",
    "begunWith": {"heard": 5, "targetRef": {"kind": "Deployment", "name": NAME}},
}


@given(st.text(max_size=2100))
def test_nobody_else_makes_a_button(value: str) -> None:
    """Whatever is handed back instead of one."""
    with pytest.raises(UnverifiedError, match="not made by this installation"):
        SEAL.opened(value)


@given(st.integers(0, 10**6), st.characters())
def test_a_button_that_was_changed_in_one_place_is_none(place: int, char: str) -> None:
    """The MAC is over all of it."""
    value = SEAL.sealed(BUTTON)
    at = place % len(value)
    changed = value[:at] + char + value[at + 1 :]
    if changed != value:
        with pytest.raises(UnverifiedError):
            SEAL.opened(changed)


def test_a_button_comes_back_as_it_was() -> None:
    """With all that it is bound to, and at the longest names that Kubernetes takes within what Slack takes."""
    assert SEAL.opened(SEAL.sealed(BUTTON)) == BUTTON
    longest = replace(BUTTON, namespace="n" * 63, canary="c" * 253, revision="r" * 60, gate=f"{'n' * 63}/{'g' * 253}")
    assert 0 < len(SEAL.sealed(longest)) <= LONGEST
    with pytest.raises(UnverifiedError):
        Seal("other").opened(SEAL.sealed(BUTTON))


@pytest.mark.parametrize(
    ("button", "why"),
    [
        (BUTTON, ""),
        (replace(BUTTON, revision="r1"), "it is about revision r1"),
        (replace(BUTTON, begun=4), "earlier try"),
        (replace(BUTTON, until=999.0), "expired"),
        (replace(BUTTON, uid="uid-9"), "is gone"),
    ],
)
def test_a_button_is_of_one_try_of_one_revision(button: Button, why: str) -> None:
    """And of one Canary, not of the next one of its name."""
    found = canary(status=STATUS)
    button = replace(button, uid=found.metadata.uid) if button.uid == "uid-1" else button
    said = too_late(button, found, 1000.0)
    assert (why in said) if why else said == ""


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Initialized"])
def test_what_is_over_is_not_answered(phase: str) -> None:
    """A release at rest has nothing to approve."""
    found = canary(status={**STATUS, "phase": phase})
    assert "no release" in too_late(replace(BUTTON, uid=found.metadata.uid), found, 1000.0)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("approve shop/cart", Command(Act.APPROVE, "cart", "shop", "*")),
        ("Approve  cart gate=four-eyes looked  good", Command(Act.APPROVE, "cart", "", "four-eyes", "looked good")),
        ("abort `shop/cart` because=of", Command(Act.ABORT, "cart", "shop", "", "because=of")),
        ("status cart.v2", Command(None, "cart.v2")),
        (
            "override shop/cart gate=ops/freeze outage 17",
            Command(Act.OVERRIDE, "cart", "shop", "ops/freeze", "outage 17"),
        ),
    ],
)
def test_a_command_is_read_as_people_write_it(text: str, meant: Command) -> None:
    """Case and space say nothing; a service may be named as code."""
    assert command(text) == meant


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "say what to do"),
        ("abrt cart", "did you mean abort"),
        ("pause", "of which service"),
        ("pause Cart!", "is no service"),
        ("pause a/b/c", "is no service"),
        ("pause cart gate=x", "not about a gate"),
        ("approve cart gate=", "names no gate"),
        *((f"{word} cart", "needs a reason") for word in ("abort", "override", "reject", "promote", "freeze")),
    ],
)
def test_what_is_no_command_says_how_it_is_written(text: str, why: str) -> None:
    """In the answer that only this person sees."""
    with pytest.raises(InvalidError, match=why):
        command(text)


@given(st.text(max_size=200))
def test_any_text_is_a_command_or_an_error_that_people_can_read(text: str) -> None:
    """Nothing else comes of it."""
    said = ""
    try:
        said = command(text).word
    except InvalidError as error:
        assert 0 < len(str(error)) < 500  # noqa: PT017 - both ends are right
    assert not said or said in VERBS


def test_operators_are_named_by_setting() -> None:
    """Nobody where none is named; an answer to a Gate is the Gate's own affair."""
    alice = Person("alice", ("slack:U1", "on-call"))
    for named, may in (("", False), ("alice", True), ("slack:U1", True), ("on-call", False), ("@on-call", True)):
        assert (may_ask(Act.PROMOTE, alice, [], Operators.of([named])) == "") is may
    assert may_ask(Act.ABORT, alice, [], Operators()) == ""
    gate = Gate.parse(gate_object(approval={"people": ["bob"]}))
    assert "it asks bob" in may_ask(Act.APPROVE, alice, [gate], Operators.of(["*"]))


def test_one_person_with_two_names_is_one() -> None:
    """The second pair of eyes is somebody else's: who came by another name is known by the id that chat has."""
    spec = ApprovalSpec.model_validate({"needed": 2})
    said = []
    for by, groups in (("alice", ["slack:U1"]), ("alice@shop.test", ["slack:U1"])):
        said.append(AuditRecord.parse(record_object("approve", by=by, gate="a/b", groups=groups)))
    assert not approved(spec, "a/b", said, 0).open
    said.append(AuditRecord.parse(record_object("approve", by="bob", gate="a/b")))
    assert approved(spec, "a/b", said, 0).open


def test_a_record_has_a_name_that_kubernetes_takes() -> None:
    """At the longest name of a Canary, and the same for the same."""
    spec = AuditRecordSpec(act=Act.APPROVE, by="a", canary="C" * 253)
    one, two = record("n", spec, "k"), record("n", spec, "k")
    assert one == two
    assert len(one["metadata"]["name"]) < 100
    assert record("n", spec, "other")["metadata"]["name"] != one["metadata"]["name"]


def test_buttons_are_blocks_that_slack_takes() -> None:
    """Held to Slack's own models, with text that has its control characters and the longest of everything."""
    found = canary(
        status={**STATUS, "evidence": {"revision": "r2", "metrics": {"<m>": {"seen": {"requests": 9, "bad": 1}}}}}
    )
    gate = Gate.parse(gate_object(approval={"groups": ["<&>" * 60] * 50}, message="m" * 500))
    asked = question(found, gate, "confirm-rollout", "s" * 3000, 5000.0, SEAL, version="v" * 200, revision="r2")
    check_blocks(blocks(asked))
    assert [one.word for one in asked.choices] == ["approve", "reject"]
    assert asked.facts["<m>"] == "1 of 9 requests bad so far"
    begun = rollout_message(Occasion.STARTED, "a/b", "1", choices=about_release(found, "r2", 0.0, SEAL))
    check_blocks(blocks(begun))
    assert [one.word for one in begun.choices] == ["pause", "abort"]
