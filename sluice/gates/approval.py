"""Whether people have opened a gate: who may, how many, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sluice.durations import in_words
from sluice.gates.asked_for import sentence
from sluice.manifests.own.audit_record import Act, AuditRecord
from sluice.manifests.own.gates.approval import ApprovalSpec


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


def may_answer(spec: ApprovalSpec, by: str, groups: Iterable[str]) -> bool:
    """Whether somebody may approve or reject at a gate."""
    return not (spec.people or spec.groups) or by in spec.people or not set(spec.groups).isdisjoint(groups)


def approved(spec: ApprovalSpec, gate: str, records: Iterable[AuditRecord], waited: float) -> Approved:
    """Whether people have opened a gate.

    Args:
        spec: of the gate.
        gate: `namespace/name`.
        records: about the revision, oldest first.
        waited: seconds since it was asked first.
    """
    yes: dict[str, AuditRecord] = {}
    for record in records:
        said = record.spec
        if said.gate != gate or not may_answer(spec, said.by, said.groups):
            continue
        if said.act is Act.REJECT:
            return Approved(False, True, sentence(record))
        if said.act is Act.APPROVE:
            yes.setdefault(said.by, record)
    names = ", ".join(yes)
    if len(yes) >= spec.needed:
        return Approved(True, False, f"approved by {names}")
    left = spec.expires - waited
    if left <= 0:
        return Approved(False, True, f"nobody approved it within {in_words(spec.expires)}")
    whom = " or ".join([*spec.people, *(f"one of {group}" for group in spec.groups)]) or "anybody"
    count = f"{len(yes)} of {spec.needed} approvals ({names}); " if yes else ""
    return Approved(False, False, f"{count}waits for approval by {whom}", left)
