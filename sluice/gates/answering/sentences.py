"""Answers to what people asked for from chat, and how a release is."""

from __future__ import annotations

from sluice.gates.asked_for import WORDS
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.audit_record import AuditRecordSpec

MOST_GATES = 10


def granted(spec: AuditRecordSpec, namespace: str, *, new: bool) -> str:
    """Something was recorded, and the run of the release acts by it."""
    what = f"gate {spec.gate} of {namespace}/{spec.canary}" if spec.gate else f"{namespace}/{spec.canary}"
    version = f" `{spec.version}`" if spec.version else ""
    if not new:
        return f"You have said so before: {what}{version} is {WORDS.get(spec.act, spec.act)} by {spec.by}"
    did = f"{what}{version} {WORDS.get(spec.act, spec.act)} by {spec.by}"
    return f"Recorded: {did}. The release acts by it as soon as it hears of it"


def how_it_is(canary: Canary) -> str:
    """A release in a few lines."""
    status = canary.status
    version = (status.begun_with.version if status.begun_with else "") or status.last_applied_spec or "nothing yet"
    said = status.condition("Promoted")
    stands = f"{status.phase or 'not begun'}, {status.canary_weight} % of the users"
    lines = [f"{canary.namespace}/{canary.name} `{version}`: {stands}"]
    if said and said.message:
        lines.append(said.message)
    closed = [one for one in status.gates if not one.open]
    lines += [f"gate {one.gate} ({one.point}): {one.said}" for one in closed[:MOST_GATES]]
    return "\n".join(lines)
