"""What is written into a Canary's status at each turn of a rollout: intent before act, in Flagger's fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sluice.errors import StaleError
from sluice.gates.points import not_asked
from sluice.judge.state import JudgeState
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.kill_switch import FlagsStatus
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.phases import GOING, TRANSITIONS
from sluice.rollout.safety.begun import begun_with
from sluice.rollout.safety.stalled import TYPE as STALLED

CLOCK_SLACK = 5.0
"""Seconds that the clocks of two hosts may differ."""
PROMOTED_STATUS = {
    Phase.INITIALIZED: "True",
    Phase.SUCCEEDED: "True",
    Phase.FAILED: "False",
}
"""The `Promoted` condition's status in phases that are an end; Unknown in all others, as `kubectl wait` users expect."""


def entry(canary: Canary, now: float, phase: Phase, message: str = "", **fields: Any) -> dict[str, Any]:
    """The merge patch of `.status` that takes a Canary to `phase`.

    Args:
        canary: as it was last read.
        now: seconds since the epoch.
        phase: where the rollout stands from now on.
        message: the sentence a person reads in the condition.
        fields: further fields of the status, camelCase.

    Raises:
        StaleError: no rollout goes from the present phase to that one: this is another Canary of the name, or another life.
    """
    before = canary.status.phase
    if phase is not before and phase not in TRANSITIONS[before] | GOING:
        raise StaleError(f"{canary}: a rollout does not go from {before} to {phase}")
    stamp = timestamp(now)
    old = canary.status.condition("Promoted")
    status = PROMOTED_STATUS.get(phase, "Unknown")
    moved = old is None or old.status != status
    promoted = {
        "type": "Promoted",
        "status": status,
        "reason": str(phase),
        "message": message or (old.message if old and old.reason == phase else f"{phase}"),
        "lastUpdateTime": stamp,
        "lastTransitionTime": stamp if moved or old is None else old.last_transition_time,
    }
    # What kept it from going on is over as soon as it goes on.
    own = {"Promoted", "Supported", *([STALLED] if phase is not before else [])}
    others = [one.model_dump(by_alias=True) for one in canary.status.conditions if one.type not in own]
    unsupported = sorted([*canary.spec.unsupported("spec"), *canary.elsewhere(), *not_asked(canary.spec.analysis)])
    if unsupported:
        others.append(_supported(canary, unsupported, stamp))
    body = {"phase": str(phase), "conditions": [promoted, *others], **fields}
    if phase is not before or "canaryWeight" in fields:
        body["lastTransitionTime"] = stamp
    return {"status": body}


def _supported(canary: Canary, fields: list[str], stamp: str) -> dict[str, Any]:
    old = canary.status.condition("Supported")
    return {
        "type": "Supported",
        "status": "False",
        "reason": "UnsupportedFields",
        "message": f"sluice does not act on: {', '.join(fields)}",
        "lastUpdateTime": stamp,
        "lastTransitionTime": old.last_transition_time if old else stamp,
    }


def beginning(canary: Canary, now: float, revision: str, version: str, heard: int = 0) -> dict[str, Any]:
    """The entry that opens the rollout of a revision: nothing of the last one is carried over but which flags are off."""
    fields: dict[str, Any] = (
        {"flags": flags_entry(FlagsStatus(revision=revision, off=canary.status.flags.off))} if has_flags(canary) else {}
    )
    known = canary.status.marked.get(revision)
    if known is not None and (known.mark or known.sent):
        fields |= {"marked": {revision: known.anew.model_dump(mode="json", by_alias=True)}}
    return entry(
        canary,
        now,
        Phase.PROGRESSING,
        f"New revision {version}",
        lastAppliedSpec=revision,
        canaryWeight=0,
        iterations=0,
        failedChecks=0,
        step=-1,
        stepStarted=0.0,
        rollbackReason="",
        begunWith=begun_with(canary, version, heard),
        gates=[],
        evidence=fresh_evidence(revision, now),
        **fields,
    )


def has_flags(canary: Canary) -> bool:
    """Whether the journal says something of flags, or may come to."""
    analysis = canary.spec.analysis
    return bool(canary.status.flags.revision) or bool(analysis and analysis.kill_switch)


def flags_entry(flags: FlagsStatus) -> dict[str, Any]:
    """The journal of the kill switch as it is written, whole."""
    return flags.model_dump(mode="json", by_alias=True)


def fresh_evidence(revision: str, since: float) -> dict[str, Any]:
    """The judge's memory of a revision, with nothing in it that was before this moment."""
    return JudgeState(revision=revision, since=since).model_dump(mode="json") | {"metrics": None}


def judge_state(canary: Canary, revision: str, now: float) -> JudgeState:
    """The judge's memory of this revision from the journal, or a new one where it has none.

    One that begins in the future was written by a clock that was wrong: nothing would ever count.
    """
    kept = canary.status.evidence
    if kept.get("revision") != revision or kept.get("since", 0.0) > now + CLOCK_SLACK:
        return JudgeState(revision=revision, since=now)
    return JudgeState.model_validate({**kept, "metrics": kept.get("metrics") or {}})


def timestamp(now: float) -> str:
    """RFC 3339 to the second, as Kubernetes writes times."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
