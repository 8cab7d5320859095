"""What somebody may ask of a release as it stands, and the record by which it is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.errors import InvalidError
from sluice.gates.answering.records import record
from sluice.gates.approval import may_answer
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.own.audit_record import ASKING, Act, AuditRecordSpec
from sluice.manifests.own.gate import Gate


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for.

    Attributes:
        act: what.
        by, groups: who, by the names that Gates use.
        through: the way it came: `cli`, `slack`, `api`, `prefect`.
        reason: why, in their words.
        gate: which Gate, as its name or `namespace/name`; empty where there is only one to mean.
        once: what makes two requests one, such as the press of a button; empty where each is its own.
    """

    act: Act
    by: str
    groups: tuple[str, ...] = ()
    through: str = ""
    reason: str = ""
    gate: str = ""
    once: str = ""


def _under_way(canary: Canary) -> str:
    phase = canary.status.phase
    if phase is not None and phase.in_progress and phase is not Phase.INITIALIZING:
        return ""
    return f"no release of {canary} is under way (it is {phase or 'new'})"


def _failed(canary: Canary) -> str:
    if canary.status.phase is Phase.FAILED and canary.status.last_applied_spec:
        return ""
    return f"{canary} is {canary.status.phase or 'new'}: only a revision that was rolled back can be tried again"


def _not_given(canary: Canary) -> str:
    if why := _under_way(canary):
        return why
    if canary.status.phase in {Phase.PROMOTING, Phase.FINALISING}:
        return f"{canary} is promoted already ({canary.status.phase}): push the version before it, or revert the commit"
    return ""


WHEN: dict[Act, Callable[[Canary], str]] = {
    Act.APPROVE: _under_way,
    Act.REJECT: _under_way,
    Act.OVERRIDE: _under_way,
    Act.ABORT: _not_given,
    Act.PROMOTE: _not_given,
    Act.PAUSE: _not_given,
    Act.RESUME: _under_way,
    Act.RETRY: _failed,
}
"""Why an act makes no sense for a Canary as it stands; empty where it does."""
REASONED = frozenset({Act.OVERRIDE, Act.ABORT, Act.PROMOTE, Act.REJECT})
"""Acts that nobody will understand a week later without a reason."""


def check(request: Request, canary: Canary, gates: Sequence[Gate]) -> str:
    """Refuse what makes no sense or is not theirs to say; returns the Gate that is meant, as `namespace/name`.

    Args:
        request: what is asked for.
        canary: as it stands.
        gates: those that have a say in its releases.

    Raises:
        InvalidError: says why, and the way out.
    """
    if request.act not in ASKING:
        raise InvalidError(f"{request.act} is not for people to ask: one of {', '.join(sorted(ASKING))}")
    if why := WHEN[request.act](canary):
        raise InvalidError(why)
    if request.act in REASONED and not request.reason.strip():
        raise InvalidError(f"{request.act} needs a reason, for who reads the trail: --reason '…'")
    if request.act in {Act.APPROVE, Act.REJECT}:
        return _answered(request, canary, gates)
    return _named(request.gate, gates).key if request.gate not in {"", "*"} else request.gate


def _answered(request: Request, canary: Canary, gates: Sequence[Gate]) -> str:
    """The Gate that an approval is for: the one that is named, or the only one that asks for approval."""
    asking = [gate for gate in gates if gate.spec.approval is not None]
    if request.gate:
        gate = _named(request.gate, gates)
    elif len(asking) == 1:
        (gate,) = asking
    else:
        names = ", ".join(one.key for one in asking)
        raise InvalidError(
            f"{len(asking)} Gates ask for approval of {canary}: {names}: name one with --gate"
            if asking
            else f"no Gate asks for approval of {canary}"
        )
    spec = gate.spec.approval
    if spec is None:
        raise InvalidError(f"{gate} is no approval but a {gate.spec.gate_kind}: use override to let it be")
    if not may_answer(spec, request.by, request.groups):
        whom = ", ".join([*spec.people, *(f"group {one}" for one in spec.groups)])
        raise InvalidError(f"{request.by} may not answer at {gate}: {whom} may")
    return gate.key


def _named(name: str, gates: Sequence[Gate]) -> Gate:
    for gate in gates:
        if name in {gate.key, gate.name}:
            return gate
    known = ", ".join(gate.key for gate in gates) or "none"
    raise InvalidError(f"no Gate {name} has a say in this release: {known}")


def record_of(request: Request, canary: Canary, gate: str, at: str, unique: str) -> dict[str, Any]:
    """The record of a request, to be created.

    Args:
        request: what is asked for.
        canary: of which.
        gate: `namespace/name` of the Gate that is meant; empty where none is.
        at: when, RFC 3339.
        unique: what no other record has, where the request may be repeated.
    """
    status = canary.status
    spec = AuditRecordSpec(
        act=request.act,
        by=request.by,
        groups=request.groups,
        through=request.through,
        canary=canary.name,
        revision=status.last_applied_spec,
        version=status.begun_with.version if status.begun_with else "",
        gate=gate,
        reason=request.reason,
        at=at,
    )
    return record(canary.namespace, spec, f"{canary.metadata.uid}/{request.once or unique}")
