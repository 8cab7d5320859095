"""What people have asked of the release of one revision, by the records that they made: pause, abort, and the like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sluice.manifests.own.audit_record import Act, AuditRecord

ALL_GATES = "*"


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What people want of a release.

    Attributes:
        paused, aborted, promoted, retried: who wants that and why, as a sentence; empty where nobody does.
        overridden: the gates that somebody has let be, and by whom, by their `namespace/name`; `*` for all.
        records: all that is about this revision, oldest first, for gates.
    """

    paused: str = ""
    aborted: str = ""
    promoted: str = ""
    retried: str = ""
    overridden: tuple[tuple[str, str], ...] = ()
    records: tuple[AuditRecord, ...] = ()

    def override(self, gate: str) -> str:
        """Who has let a gate be, as a sentence; empty where nobody has."""
        return next((said for name, said in reversed(self.overridden) if name in {gate, ALL_GATES}), "")


NOTHING = AskedFor()
"""Nobody wants anything."""


def about(records: Iterable[AuditRecord], canary: str, revision: str) -> list[AuditRecord]:
    """The records about one revision of a Canary, oldest first."""
    wanted = [record for record in records if record.spec.canary == canary and record.spec.revision == revision]
    return sorted(wanted, key=lambda record: record.version)


def asked_for(records: Sequence[AuditRecord], since: int) -> AskedFor:
    """What people want of a release.

    Args:
        records: about its revision, oldest first.
        since: version of the newest record that was there when the release was begun: what was said before is of an
            earlier try of the revision.
    """
    paused = aborted = promoted = retried = ""
    overridden: list[tuple[str, str]] = []
    current: list[AuditRecord] = []
    for record in records:
        act, said = record.spec.act, sentence(record)
        if record.version <= since:
            continue
        if act is Act.RETRY:
            retried, paused, aborted, promoted = said, "", "", ""
            overridden, current = [], []
        current.append(record)
        if act is Act.PAUSE:
            paused = said
        elif act is Act.RESUME:
            paused = ""
        elif act is Act.ABORT:
            aborted = said
        elif act is Act.PROMOTE:
            promoted = said
        elif act is Act.OVERRIDE:
            overridden.append((record.spec.gate or ALL_GATES, said))
    return AskedFor(paused, aborted, promoted, retried, tuple(overridden), tuple(current))


WORDS = {
    Act.PAUSE: "paused",
    Act.ABORT: "aborted",
    Act.PROMOTE: "promoted ahead of its steps",
    Act.RETRY: "tried again",
    Act.OVERRIDE: "overridden",
    Act.APPROVE: "approved",
    Act.REJECT: "rejected",
}


def sentence(record: AuditRecord) -> str:
    """What somebody did, for people: `aborted by alice: wrong database`."""
    spec = record.spec
    why = f": {spec.reason}" if spec.reason else ""
    return f"{WORDS.get(spec.act, spec.act)} by {spec.by}{why}"
