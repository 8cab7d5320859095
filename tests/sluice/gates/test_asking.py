"""What somebody may ask of a release as it stands, and the record by which it is asked."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.gates.asking import WHEN, Request, check, record_of
from sluice.manifests.crd import crds
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.own.audit_record import ASKING, ASKS, Act, AuditRecord
from sluice.manifests.own.gate import Gate
from tests.gates import gate_object
from tests.samples import NAMESPACE, canary


def at(phase: Phase | None) -> Canary:
    found: Canary = canary({}, {"phase": phase, "lastAppliedSpec": "r1"})
    return found


def gates(*specs: dict[str, Any]) -> list[Gate]:
    return [Gate.parse(gate_object(f"gate-{number}", **spec)) for number, spec in enumerate(specs)]


def by(act: Act, **more: Any) -> Request:
    return Request(act, "alice", reason="because", **more)


def test_everything_that_people_ask_has_its_time() -> None:
    """One row each."""
    assert set(WHEN) == ASKING


@pytest.mark.parametrize("act", sorted(ASKING - {Act.RETRY, Act.APPROVE, Act.REJECT}))
@pytest.mark.parametrize(
    ("phase", "now"),
    [
        (Phase.PROGRESSING, True),
        (Phase.WAITING, True),
        (Phase.WAITING_PROMOTION, True),
        (Phase.SUCCEEDED, False),
        (Phase.FAILED, False),
        (Phase.INITIALIZING, False),
        (None, False),
    ],
)
def test_a_release_that_is_under_way_can_be_asked_something(act: Act, phase: Phase | None, now: bool) -> None:
    """One that is over cannot."""
    if now:
        assert check(by(act), at(phase), []) == ""
    else:
        with pytest.raises(InvalidError, match="no release of Canary shop-test/shop is under way"):
            check(by(act), at(phase), [])


def test_what_is_being_promoted_is_not_aborted_and_says_what_helps() -> None:
    """Two revisions on the primary help nobody."""
    with pytest.raises(InvalidError, match=r"promoted already.*revert"):
        check(by(Act.ABORT), at(Phase.PROMOTING), [])


def test_only_what_was_rolled_back_is_tried_again() -> None:
    """A release under way goes on by itself."""
    assert check(by(Act.RETRY), at(Phase.FAILED), []) == ""
    with pytest.raises(InvalidError, match="only a revision that was rolled back"):
        check(by(Act.RETRY), at(Phase.PROGRESSING), [])


@pytest.mark.parametrize("act", [Act.ABORT, Act.OVERRIDE, Act.PROMOTE])
def test_what_others_will_ask_about_needs_a_reason(act: Act) -> None:
    """A blank is none."""
    with pytest.raises(InvalidError, match="needs a reason"):
        check(Request(act, "alice", reason=" "), at(Phase.PROGRESSING), [])


def test_an_approval_finds_its_gate_or_asks_for_it() -> None:
    """The only one needs no name; of several one is named."""
    two = gates({}, {"approval": {"people": ["alice"]}})
    assert check(by(Act.APPROVE), at(Phase.WAITING), two[:1]) == f"{NAMESPACE}/gate-0"
    assert check(by(Act.APPROVE, gate="gate-1"), at(Phase.WAITING), two) == f"{NAMESPACE}/gate-1"
    for found, why in (two, "name one with --gate"), ([], "no Gate asks for approval"):
        with pytest.raises(InvalidError, match=why):
            check(by(Act.APPROVE), at(Phase.WAITING), found)
    with pytest.raises(InvalidError, match="no Gate gate-7 has a say"):
        check(by(Act.APPROVE, gate="gate-7"), at(Phase.WAITING), two)


def test_who_may_not_answer_is_refused_with_who_may() -> None:
    """So is an answer at a Gate that asks nobody."""
    with pytest.raises(InvalidError, match=r"alice may not answer.*bob, group sre"):
        check(by(Act.REJECT), at(Phase.WAITING), gates({"approval": {"people": ["bob"], "groups": ["sre"]}}))
    with pytest.raises(InvalidError, match="use override"):
        check(by(Act.APPROVE, gate="gate-0"), at(Phase.WAITING), gates({"webhook": {"url": "https://ask"}}))


def test_a_press_that_comes_twice_is_one_record_and_two_commands_are_two() -> None:
    """By its name; it is heard by its label, and about one revision."""
    pressed = [record_of(by(Act.PAUSE, once="press-1"), at(Phase.PROGRESSING), "", "now", n) for n in ("a", "b")]
    assert pressed[0] == pressed[1]
    asked = [record_of(by(Act.PAUSE), at(Phase.PROGRESSING), "", "now", n) for n in ("a", "b")]
    assert asked[0]["metadata"]["name"] != asked[1]["metadata"]["name"]
    found = AuditRecord.parse(asked[0])
    assert (found.spec.revision, found.metadata.labels[ASKS]) == ("r1", "true")


def test_a_record_of_a_canary_with_the_longest_name_can_be_made() -> None:
    """Names have 253 characters, labels 63."""
    long = at(Phase.PROGRESSING)
    long = long.model_copy(update={"metadata": long.metadata.model_copy(update={"name": "s" * 253})})
    meta = record_of(by(Act.PAUSE), long, "", "now", "a")["metadata"]
    assert len(meta["name"]) <= 253
    assert all(len(value) <= 63 for value in meta["labels"].values())


def test_a_record_is_never_changed() -> None:
    """The kind's own rule; tried on the real API server too."""
    (kind,) = [one for one in crds() if one["spec"]["names"]["kind"] == "AuditRecord"]
    schema = kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["properties"]["spec"]["x-kubernetes-validations"][0]["rule"] == "self == oldSelf"
