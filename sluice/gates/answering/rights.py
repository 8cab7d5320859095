"""Who may ask for what of a release, and whether there is still something to ask: one rule for each way in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sluice.gates.answering.buttons import Button
from sluice.gates.answering.records import stamp
from sluice.gates.approval import may_answer, names_of, who_may
from sluice.gates.asking import WHEN
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.audit_record import Act
from sluice.manifests.own.gate import Gate

ANSWERS = frozenset({Act.APPROVE, Act.REJECT})
"""What a Gate's own people say to it."""
STOPS = frozenset({Act.ABORT, Act.PAUSE})
"""What makes nothing worse than it is: all who are known may do it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks.

    Attributes:
        name: as records have it.
        groups: of theirs that matter.
    """

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operators:
    """Who may do more than stop a release: let gates be, promote, resume, try again.

    Attributes:
        people, groups: names of them; `*` among the people for everybody.
    """

    people: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Operators:
        """Of a list in which groups begin with `@`."""
        given = [name.strip() for name in names if name.strip()]
        groups = tuple(name[1:] for name in given if name.startswith("@"))
        return cls(tuple(name for name in given if not name.startswith("@")), groups)

    def may(self, person: Person) -> bool:
        """Whether somebody is one of them."""
        named = "*" in self.people or not names_of(person.name, person.groups).isdisjoint(self.people)
        return named or not set(self.groups).isdisjoint(person.groups)


def may_ask(act: Act, person: Person, gates: Sequence[Gate], operators: Operators) -> str:
    """Why somebody may not ask for it; empty where they may.

    Args:
        gates: those that it is about, for what is said to Gates.
    """
    if act in ANSWERS:
        for gate in gates:
            spec = gate.spec.approval
            if spec and not may_answer(spec, person.name, person.groups):
                return f"{person.name} may not answer gate {gate.key}: it asks {who_may(spec)}"
        return ""
    if act in STOPS or operators.may(person):
        return ""
    return f"{person.name} may not {act}: it is for the people and groups of SLUICE_SLACK_OPERATORS"


def too_late(button: Button, canary: Canary | None, now: float) -> str:
    """Why a button is about something that is not there any more; empty where it still is."""
    if canary is None or (button.uid and canary.metadata.uid != button.uid):
        return f"Canary {button.namespace}/{button.canary} is gone"
    status = canary.status
    begun = status.begun_with.heard if status.begun_with else 0
    if status.last_applied_spec != button.revision:
        return f"it is about revision {button.revision}, and {canary} is at {status.last_applied_spec or 'none'} now"
    if begun != button.begun:
        return f"it is about an earlier try of revision {button.revision}"
    if now > button.until:
        return f"it has expired at {stamp(button.until)}"
    return not_under_way(button.act, canary)


def not_under_way(act: Act, canary: Canary) -> str:
    """Why there is no release to ask that of; empty where there is."""
    return WHEN[act](canary) if act in WHEN else ""


def not_asked(canary: Canary, gate: Gate | None, key: str, point: str = "", uid: str = "") -> str:
    """Why a Gate waits for no answer; empty where it does.

    Args:
        gate: as it is now; None where it is gone.
        key: `namespace/name` of it.
        point: of the rollout; empty for any.
        uid: that it had; empty for any.
    """
    if gate is None or (uid and gate.metadata.uid != uid):
        return f"gate {key} is gone"
    if gate.spec.suspend or gate.spec.approval is None:
        return f"gate {key} asks for no approval now"
    states = [one for one in canary.status.gates if one.gate == key and one.uid == gate.metadata.uid]
    mine = [one for one in states if not point or one.point == point]
    if not mine:
        return f"gate {key} is not asked by {canary} now"
    return f"gate {key} is open already: {mine[-1].said}" if all(one.open for one in mine) else ""
