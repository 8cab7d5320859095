"""What people do at Gates, and what they ask of a release by records, each by name.

A new habit of people is a function and a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blocks.kubernetes.kinds import FREEZE, GATE
from sluice.gates.answering.freezing import freeze_of
from sluice.gates.asked_for import AskedFor, about, asked_for
from sluice.manifests.own.audit_record import Act, AuditRecord
from tests.gates import gate_object, record_object
from tests.laws.town import Town
from tests.samples import NAME, NAMESPACE

Object = dict[str, Any]
Hand = Callable[[Town, str], None]
GATES = {"first": "confirm-rollout", "ready": "pre-rollout", "last": "confirm-promotion"}
"""The Gates that people make, by name, and where they are asked."""
WAITS, PAUSED, FROZEN = "waits for approval", "paused by", "the sale"
"""What a release says that waits for people at a Gate, one that somebody holds, and one that is frozen."""


def _make(name: str) -> Hand:
    return lambda town, _: town.add(gate_object(name, (GATES[name],)))


def remove(town: Town, _: str) -> None:
    """All Gates go."""
    for kind, namespace, name in list(town.objects):
        if kind == "Gate":
            town.vanish(GATE, name, namespace)


def _freeze(town: Town, _: str) -> None:
    """Nothing goes forward in the namespace."""
    town.add(freeze_of(NAMESPACE, "sluice", "carol", "the sale", "sale"))


def thaw(town: Town, _: str) -> None:
    """It goes on."""
    for kind, namespace, name in list(town.objects):
        if kind == "Freeze":
            town.vanish(FREEZE, name, namespace)


def is_frozen(town: Town) -> bool:
    """Whether somebody has frozen the namespace."""
    return any(kind == "Freeze" for kind, _, _ in town.objects)


def _status(town: Town) -> Object:
    return (town.objects.get(("Canary", NAMESPACE, NAME)) or {}).get("status") or {}


def ask(act: Act, **spec: Any) -> Hand:
    """Somebody asks for something of the revision that the journal is about."""

    def asks(town: Town, _: str) -> None:
        revision = _status(town).get("lastAppliedSpec", "")
        record = record_object(str(act), by=f"person-{town.version % 3}", revision=revision, **spec)
        record["metadata"]["name"] = f"{act}-{town.version}"
        town.add(record)

    return asks


def approve_all(town: Town, _: str) -> None:
    """Enough people say yes at every Gate."""
    for name in GATES:
        ask(Act.APPROVE, gate=f"{NAMESPACE}/{name}")(town, "")


def said(town: Town) -> AskedFor:
    """What people want of the release that the journal is about."""
    records = [AuditRecord.parse(item) for key, item in town.objects.items() if key[0] == "AuditRecord"]
    status = _status(town)
    heard = (status.get("begunWith") or {}).get("heard", 0)
    return asked_for(about(records, NAME, status.get("lastAppliedSpec", "")), heard)


AT_GATES: dict[str, Hand] = {
    **{f"make the Gate {name}": _make(name) for name in GATES},
    "take the Gates away": remove,
    "freeze": _freeze,
    "thaw": thaw,
    "approve all": approve_all,
    "reject": ask(Act.REJECT, gate=f"{NAMESPACE}/first"),
    "let all Gates be": ask(Act.OVERRIDE, gate="*"),
    "ask for an abort": ask(Act.ABORT),
    "ask for a pause": ask(Act.PAUSE),
    "ask to resume": ask(Act.RESUME),
    "ask to promote": ask(Act.PROMOTE),
    "ask to try again": ask(Act.RETRY),
}
"""Every habit by its name."""
