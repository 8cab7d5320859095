"""Whether people have opened a gate: who may, how many, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sluice.durations import in_words
from sluice.gates.asked_for import sentence
from sluice.manifests.own.audit_record import Act, AuditRecord
from sluice.manifests.own.gates.approval import ApprovalSpec

IN_CHAT = "slack:"
"""How a name begins that only chat has: `slack:U0123`."""


@dataclass(frozen=True, slots=True)
class Approved:
    """What people have said at a gate so far.

    Attributes:
        open: enough of them have approved.
        refused: somebody has rejected it, or the time is over.
        said: who, or whom it waits for.
        expires_in: seconds until it is refused; 0 where that does not matter any more.
    """

    open: bool
    refused: bool
    said: str
    expires_in: float = 0.0


def names_of(by: str, groups: Iterable[str]) -> frozenset[str]:
    """All names of one person: the one that records have, and what chat calls them, which comes among their groups."""
    return frozenset({by, *(group for group in groups if group.startswith(IN_CHAT))})


def who_may(spec: ApprovalSpec) -> str:
    """Whom a gate waits for, for people."""
    return " or ".join([*spec.people, *(f"one of {group}" for group in spec.groups)]) or "anybody"


def may_answer(spec: ApprovalSpec, by: str, groups: Iterable[str]) -> bool:
    """Whether somebody may approve or reject at a gate."""
    theirs = tuple(groups)
    named = not names_of(by, theirs).isdisjoint(spec.people) or not set(spec.groups).isdisjoint(theirs)
    return named or not (spec.people or spec.groups)


def approved(spec: ApprovalSpec, gate: str, records: Iterable[AuditRecord], waited: float) -> Approved:
    """Whether people have opened a gate.

    Args:
        spec: of the gate.
        gate: `namespace/name`.
        records: about the revision, oldest first.
        waited: seconds since it was asked first.
    """
    yes: list[str] = []
    known: set[str] = set()
    for record in records:
        said = record.spec
        if said.gate != gate or not may_answer(spec, said.by, said.groups):
            continue
        if said.act is Act.REJECT:
            return Approved(False, True, sentence(record))
        names = names_of(said.by, said.groups)
        if said.act is Act.APPROVE and known.isdisjoint(names):
            yes.append(said.by)
            known |= names
    people = ", ".join(yes)
    if len(yes) >= spec.needed:
        return Approved(True, False, f"approved by {people}")
    left = spec.expires - waited
    if left <= 0:
        return Approved(False, True, f"nobody approved it within {in_words(spec.expires)}")
    whom = who_may(spec)
    count = f"{len(yes)} of {spec.needed} approvals ({people}); " if yes else ""
    return Approved(False, False, f"{count}waits for approval by {whom}", left)
