"""The one function that decides what a rollout does next: `(canary, seen) → decision`.

It reads the journal (the Canary's status) and what was just observed, and nothing else, so that a worker that takes over in
the middle decides exactly as the one that died would have. Nothing here acts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from sluice.judge.check import Judgement
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary import Canary, CanaryAnalysis
from sluice.manifests.flagger.phase import Phase


class Action(StrEnum):
    """What a rollout can do next."""

    INITIALISE = "initialise"
    BEGIN = "begin"
    ASK_GATE = "ask gate"
    SCALE_UP = "scale up"
    SHIFT = "shift traffic"
    ANALYSE = "analyse"
    PROMOTE = "promote"
    FINALISE = "finalise"
    ROLL_BACK = "roll back"
    SUPERSEDE = "supersede"
    WAIT = "wait"
    END = "end"


class Outcome(StrEnum):
    """How a run of a rollout ends."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    INITIALISED = "initialised"
    SUPERSEDED = "superseded"
    """A newer revision came; another run carries that one."""
    REVERTED = "reverted"
    """The target was put back to the promoted revision while a newer one was on its way."""
    UNCHANGED = "unchanged"
    """The primary runs this revision already."""
    REFUSED = "refused"
    """This revision was taken back before; it is tried again only on demand."""
    SUSPENDED = "suspended"
    DELETED = "deleted"
    """The Canary was deleted in the middle of its release."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed just now, and what this run has already done for this revision.

    Attributes:
        revision: the target's revision.
        carries: the revision that this run is for; a run carries one revision to its end.
        weight: the canary's real weight at the router, percent; None where there is no route.
        scaled: whether this run has seen the canary ready.
        gates_open: types of gates that have opened in this run.
        gate_closed: the gate that was asked last and is closed, with its answer.
        check: the judge's last word on the step under way.
        fault: why this revision cannot go on, such as pods that never became ready; empty where nothing is wrong.
        paused, cancelled: what a person asked for in the UI.
        again: a person wants a revision that was taken back to be tried again.
        run: the run that decides, by its id; the journal may say that it has come to its end before, in a process that died.
    """

    revision: str
    carries: str
    weight: int | None = None
    scaled: bool = False
    gates_open: frozenset[str] = field(default_factory=frozenset)
    gate_closed: str = ""
    check: Judgement | None = None
    fault: str = ""
    paused: bool = False
    cancelled: bool = False
    again: bool = False
    run: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do next and why.

    Attributes:
        step: index of the step that the action belongs to.
        weight: the canary's weight to set, percent.
        gate: type of the gates to ask.
        again: the step under way is held for another interval.
        failed_checks: what the journal's count becomes with this decision.
        outcome: for END, SUPERSEDE and ROLL_BACK: how the run ends.
    """

    action: Action
    reason: str = ""
    step: int = 0
    weight: int = 0
    gate: str = ""
    again: bool = False
    failed_checks: int = 0
    outcome: Outcome | None = None


def decide(canary: Canary, seen: Seen) -> Decision:
    """What a rollout does next."""
    status, phase = canary.status, canary.status.phase
    done = next((one.outcome for one in status.ends if one.run == seen.run), None)
    if done is not None:
        # What its target holds by now is another run's.
        return Decision(Action.END, "this run had done it when its process died", outcome=Outcome(done))
    if phase is None or phase is Phase.INITIALIZING:
        return Decision(Action.INITIALISE)
    if not phase.in_progress:
        return _at_rest(canary, seen)
    if status.taken_back:
        return _take_back(canary, seen, status.taken_back)
    if seen.cancelled and phase not in {Phase.PROMOTING, Phase.FINALISING}:
        # A promotion that has begun is finished: stopping in the middle would leave two revisions on the primary.
        return _take_back(canary, seen, "cancelled by a person")
    if not seen.revision == seen.carries == status.last_applied_spec:
        return _moved_on(canary, seen)
    if phase is Phase.FINALISING:
        return Decision(Action.FINALISE)
    if seen.fault:
        return _take_back(canary, seen, seen.fault)
    if phase is Phase.PROMOTING:
        return Decision(Action.PROMOTE)
    if canary.spec.analysis is None or not canary.analysed:
        return Decision(Action.PROMOTE) if seen.scaled else Decision(Action.SCALE_UP)
    if status.canary_weight == 0:
        return _before_traffic(canary, canary.spec.analysis, seen)
    return _under_way(canary, canary.spec.analysis, seen)


def _at_rest(canary: Canary, seen: Seen) -> Decision:
    status = canary.status
    if seen.revision == status.last_promoted_spec:
        return Decision(Action.END, "the primary runs this revision", outcome=Outcome.UNCHANGED)
    if canary.spec.suspend:
        return Decision(Action.END, "spec.suspend is set", outcome=Outcome.SUSPENDED)
    if status.phase is Phase.FAILED and seen.revision == status.last_applied_spec and not seen.again:
        why = "this revision was taken back; push another one, or run roll_out with again=true"
        return Decision(Action.END, why, outcome=Outcome.REFUSED)
    return Decision(Action.BEGIN)


def _take_back(canary: Canary, seen: Seen, reason: str) -> Decision:
    status = canary.status
    # An older revision's rollback that was broken off is finished first; then this run goes on with its own.
    outcome = Outcome.ROLLED_BACK if status.last_applied_spec == seen.carries else None
    return Decision(Action.ROLL_BACK, reason, failed_checks=status.failed_checks, outcome=outcome)


def _moved_on(canary: Canary, seen: Seen) -> Decision:
    """The target is not at the revision that is on its way. Each way out takes the traffic home before all else."""
    if seen.revision != seen.carries or seen.revision == canary.status.last_promoted_spec:
        return _superseded(canary, seen)
    # The run that carried the older revision is gone without an end.
    if canary.spec.suspend:
        return _take_back(canary, seen, "spec.suspend is set, and the target has moved on")
    return Decision(Action.BEGIN)


def _superseded(canary: Canary, seen: Seen) -> Decision:
    if seen.revision == canary.status.last_promoted_spec:
        return Decision(Action.SUPERSEDE, "the target was put back to what is promoted", outcome=Outcome.REVERTED)
    return Decision(Action.SUPERSEDE, "a newer revision came", outcome=Outcome.SUPERSEDED)


def _before_traffic(canary: Canary, analysis: CanaryAnalysis, seen: Seen) -> Decision:
    closed = _closed_gate(canary, analysis, seen, "pre-rollout")
    if closed:
        return closed
    for gate, ready in (("confirm-rollout", True), ("pre-rollout", seen.scaled)):
        if not ready:
            return Decision(Action.SCALE_UP, failed_checks=canary.status.failed_checks)
        if _has_gate(analysis, gate) and gate not in seen.gates_open:
            return Decision(Action.ASK_GATE, gate=gate, failed_checks=canary.status.failed_checks)
    if seen.paused:
        return Decision(Action.WAIT, "paused by a person", failed_checks=canary.status.failed_checks)
    return Decision(Action.SHIFT, step=0, weight=analysis.weights[0], failed_checks=canary.status.failed_checks)


def _under_way(canary: Canary, analysis: CanaryAnalysis, seen: Seen) -> Decision:
    status, weights = canary.status, analysis.weights
    step = min(status.step, len(weights) - 1)
    failed = status.failed_checks
    if not seen.scaled:
        return Decision(Action.SCALE_UP, step=step, failed_checks=failed)
    if seen.weight != weights[step]:
        return Decision(Action.SHIFT, step=step, weight=weights[step], failed_checks=failed)
    if seen.check is None:
        return Decision(Action.ANALYSE, step=step, weight=weights[step], failed_checks=failed)
    if seen.check.verdict is Verdict.FAIL:
        failed += 1
        if failed >= analysis.failures_allowed:
            return Decision(Action.ROLL_BACK, seen.check.reason, failed_checks=failed, outcome=Outcome.ROLLED_BACK)
    if seen.check.verdict is not Verdict.PASS or seen.paused:
        return Decision(
            Action.ANALYSE, seen.check.reason, step=step, weight=weights[step], again=True, failed_checks=failed
        )
    if step + 1 < len(weights):
        return Decision(Action.SHIFT, step=step + 1, weight=weights[step + 1], failed_checks=failed)
    if _has_gate(analysis, "confirm-promotion") and "confirm-promotion" not in seen.gates_open:
        return Decision(Action.ASK_GATE, gate="confirm-promotion", step=step, failed_checks=failed)
    return Decision(Action.PROMOTE, seen.check.reason, failed_checks=failed)


def _closed_gate(canary: Canary, analysis: CanaryAnalysis, seen: Seen, counted: str) -> Decision | None:
    """A closed confirm gate is asked again without end; a failed pre-rollout check counts against the release."""
    gate, _, answer = seen.gate_closed.partition(": ")
    if not gate:
        return None
    failed = canary.status.failed_checks + (1 if gate == counted else 0)
    if gate == counted and failed >= analysis.failures_allowed:
        why = f"gate {gate} did not open: {answer}"
        return Decision(Action.ROLL_BACK, why, failed_checks=failed, outcome=Outcome.ROLLED_BACK)
    return Decision(Action.ASK_GATE, answer, gate=gate, failed_checks=failed)


def _has_gate(analysis: CanaryAnalysis, gate: str) -> bool:
    return any(webhook.type == gate for webhook in analysis.webhooks)
