"""The one function that decides what a rollout does next: `(canary, seen) → decision`.

It reads the journal (the Canary's status) and what was just observed, and nothing else, so that a worker that takes over in
the middle decides exactly as the one that died would have. Nothing here acts.
"""

from __future__ import annotations

from dataclasses import replace

from sluice.gates.points import POINTS, Point, When, next_of, next_point
from sluice.judge.judgement import Judgement
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary import Canary, CanaryAnalysis
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Action, Decision, Outcome, Seen
from sluice.rollout.kill_switch.rules import is_open, switch_act
from sluice.rollout.needs import needs_primary
from sluice.rollout.strategy import plan, step_at

CANCELLED, SUSPENDED = "cancelled by a person", "spec.suspend is set"


def decide(canary: Canary, seen: Seen) -> Decision:
    """What a rollout does next."""
    status, phase = canary.status, canary.status.phase
    done = next((one.outcome for one in status.ends if one.run == seen.run), None)
    if done is not None:
        # What its target holds by now is another run's.
        return Decision(Action.END, "already finished by this run before its worker crashed", outcome=Outcome(done))
    if needs_primary(canary):
        return _without_primary(canary, seen)
    if taken_back := _taken_back(canary, seen):
        return taken_back
    if phase is None or not phase.in_progress:
        return _at_rest(canary, seen)
    if status.rollback_reason:
        return _roll_back(canary, seen, status.rollback_reason)
    if phase in {Phase.PROMOTING, Phase.FINALISING}:
        return _judged(canary, seen)
    if seen.broken:
        return _roll_back(canary, seen, seen.broken)
    called_back = seen.aborted or (CANCELLED if seen.cancelled else seen.called_back)
    if called_back:
        return _roll_back(canary, seen, called_back)
    if not seen.revision == seen.carries == status.last_applied_spec:
        return _moved_on(canary, seen)
    if seen.fault:
        return _roll_back(canary, seen, seen.fault)
    return _on_its_way(canary, seen)


def _on_its_way(canary: Canary, seen: Seen) -> Decision:
    """Nothing but the judge has anything against the revision."""
    if seen.bad or is_open(canary):
        return _bad(canary, seen, seen.bad or canary.status.flags.reason)
    if seen.train and seen.train.home and not (canary.status.phase is Phase.WAITING and not canary.status.begun):
        return Decision(Action.SEND_HOME, seen.train.home)
    if canary.spec.analysis is None or not canary.analysed or seen.ahead:
        return _without_analysis(canary, seen)
    if not canary.status.begun:
        return _before_steps(canary, canary.spec.analysis, seen)
    return _under_way(canary, canary.spec.analysis, seen)


def _without_primary(canary: Canary, seen: Seen) -> Decision:
    """Make it. A person who cancels that ends it for this revision: else the next run would begin where this one stopped.

    Once users are led to it only the end is left: nobody would keep a primary of which the journal does not know.
    """
    status = canary.status
    if seen.led:
        return Decision(Action.INITIALISE, outcome=Outcome.INITIALISED)
    if canary.spec.suspend:
        return Decision(Action.END, SUSPENDED, outcome=Outcome.SUSPENDED)
    if status.phase is not Phase.FAILED:
        if seen.cancelled:
            return Decision(Action.INITIALISE, CANCELLED, outcome=Outcome.CANCELLED)
        return Decision(Action.INITIALISE, outcome=Outcome.INITIALISED)
    if seen.revision == status.last_applied_spec and not seen.retry_refused:
        why = "making the primary was cancelled; push another revision, or run roll_out with retry_refused=true"
        return Decision(Action.END, why, outcome=Outcome.REFUSED)
    return Decision(Action.INITIALISE, outcome=Outcome.INITIALISED)


def _taken_back(canary: Canary, seen: Seen) -> Decision | None:
    """Give the primary back what was promoted before, where the train of a service that was promoted with it goes home."""
    status, train = canary.status, seen.train
    if train is None or not train.back_to or train.back_to == status.last_promoted_spec:
        return None
    at_rest = status.phase in {Phase.SUCCEEDED, Phase.FAILED} or (status.phase is Phase.WAITING and not status.begun)
    return Decision(Action.SEND_HOME, train.home, back_to=train.back_to) if at_rest else None


def _judged(canary: Canary, seen: Seen) -> Decision:
    """Finish a promotion that has begun: stopping in the middle would leave two revisions on the primary.

    Only what keeps it from its end for good cuts it short; the traffic stays on the judged canary until the primary can
    carry it, whatever is decided.
    """
    if canary.status.phase is Phase.FINALISING:
        if seen.broken or seen.revision == seen.carries == canary.status.last_applied_spec:
            reason = seen.ahead or (seen.check.reason if seen.check else "")
            return Decision(Action.FINALISE, reason, outcome=Outcome.PROMOTED)
        if canary.spec.suspend and seen.revision == seen.carries != canary.status.last_promoted_spec:
            # The run of what was promoted is gone, and the newer revision is not to begin: the journal is closed for it.
            return Decision(Action.FINALISE, f"the target has moved on, and {SUSPENDED}")
        return _moved_on(canary, seen)
    if (seen.cancelled or seen.aborted) and seen.stuck:
        why = f"{seen.aborted or CANCELLED}, for its promotion could not end: {seen.stuck}"
        return _roll_back(canary, seen, why)
    if not seen.revision:
        return _roll_back(canary, seen, seen.broken)
    if not seen.revision == seen.carries == canary.status.last_applied_spec:
        return _moved_on(canary, seen)
    return _roll_back(canary, seen, seen.fault) if seen.fault else Decision(Action.PROMOTE)


def _at_rest(canary: Canary, seen: Seen) -> Decision:
    status = canary.status
    if seen.revision == status.last_promoted_spec:
        return Decision(Action.END, "the primary runs this revision", outcome=Outcome.UNCHANGED)
    if canary.spec.suspend:
        return Decision(Action.END, SUSPENDED, outcome=Outcome.SUSPENDED)
    if status.phase is Phase.FAILED and seen.revision == status.last_applied_spec and not seen.retry_refused:
        why = "this revision was rolled back before; push another one, or run roll_out with retry_refused=true"
        return Decision(Action.END, why, outcome=Outcome.REFUSED)
    return Decision(Action.BEGIN)


def _roll_back(canary: Canary, seen: Seen, reason: str) -> Decision:
    status = canary.status
    # An older revision's rollback that was broken off is finished first; then this run goes on with its own.
    outcome = Outcome.ROLLED_BACK if status.last_applied_spec == seen.carries else None
    return Decision(Action.ROLL_BACK, reason, failed_checks=status.failed_checks, outcome=outcome)


def _bad(canary: Canary, seen: Seen, reason: str, failed: int | None = None) -> Decision:
    """The judge says bad: the flags that came with the revision go off first, where they may, then it goes home."""
    act, failed = switch_act(canary), canary.status.failed_checks if failed is None else failed
    if act is None or canary.spec.analysis is None:
        return replace(_roll_back(canary, seen, reason), failed_checks=failed)
    index, step = step_at(canary.spec.analysis, canary.status.step)
    now = Decision(act, reason, step=index, traffic=step.traffic, failed_checks=failed)
    if act is Action.SWITCH_FLAGS_OFF:
        return now
    if not seen.scaled:
        return replace(now, action=Action.SCALE_UP)
    if seen.weight != step.traffic.canary:
        why = f"{reason}; the canary's traffic was changed by somebody while its recovery was watched"
        return _roll_back(canary, seen, why)
    return now


def _moved_on(canary: Canary, seen: Seen) -> Decision:
    """The target is not at the revision that is on its way. Each way out takes the traffic home before all else."""
    if seen.revision != seen.carries or seen.revision == canary.status.last_promoted_spec:
        return _superseded(canary, seen)
    # The run that carried the older revision is gone without an end.
    if canary.spec.suspend:
        return _roll_back(canary, seen, "spec.suspend is set, and the target has moved on")
    return Decision(Action.BEGIN)


def _superseded(canary: Canary, seen: Seen) -> Decision:
    if seen.revision == canary.status.last_promoted_spec:
        return Decision(Action.SUPERSEDE, "the target was put back to what is promoted", outcome=Outcome.REVERTED)
    return Decision(Action.SUPERSEDE, "a newer revision came", outcome=Outcome.SUPERSEDED)


def _without_analysis(canary: Canary, seen: Seen) -> Decision:
    """No analysis, or one that was switched off in the middle: the pods have to serve, and are promoted, as with Flagger."""
    if waits := _for_its_train(canary, seen):
        return waits
    if not seen.scaled:
        return Decision(Action.SCALE_UP)
    held = _held(canary, seen)
    return Decision(Action.WAIT, held) if held else Decision(Action.PROMOTE, seen.ahead)


def _for_its_train(canary: Canary, seen: Seen) -> Decision | None:
    """A release that is not analysed asks no gates but its train; None where that has nothing against it."""
    if seen.train is None or seen.ahead:
        return None
    before = not seen.scaled and not canary.status.begun
    point: Point = POINTS["confirm-rollout" if before else "confirm-promotion"]
    if not seen.train.said_at(point.type) or not (before or seen.scaled):
        return None
    waited = seen.gate_closed is not None and seen.gate_closed.point is point
    if waited and not before:
        return Decision(Action.WAIT, seen.train.promotion)  # there is nothing to be judged meanwhile
    return Decision(Action.ASK_GATE, point=point, another_interval=waited)


def _held(canary: Canary, seen: Seen) -> str:
    """Why a release stays where it is; empty where it may go on. It is judged all the same, and goes home on bad news."""
    if canary.spec.suspend:
        return SUSPENDED
    return seen.held or ("paused by a person" if seen.paused else "")


def _before_steps(canary: Canary, analysis: CanaryAnalysis, seen: Seen) -> Decision:
    """Gates, pods, gates; then the first step."""
    failed = canary.status.failed_checks
    closed = _still_closed(canary, analysis, seen)
    if closed:
        return closed
    if seen.held and not seen.scaled:
        return Decision(Action.WAIT, seen.held, failed_checks=failed)  # no pods for what may wait for weeks
    for when, ready in ((When.BEFORE_PODS, True), (When.BEFORE_TRAFFIC, seen.scaled)):
        if not ready:
            return Decision(Action.SCALE_UP, failed_checks=failed)
        point = next_point(analysis, when, seen.gates_open, seen.gated)
        if point:
            return Decision(Action.ASK_GATE, point=point, failed_checks=failed)
    held = _held(canary, seen)
    if held:
        return Decision(Action.WAIT, held, failed_checks=failed)
    traffic = plan(analysis)[0].traffic
    point = next_point(analysis, When.BEFORE_INCREASE, seen.gates_open, seen.gated) if traffic.canary else None
    if point:
        return Decision(Action.ASK_GATE, point=point, failed_checks=failed)
    return Decision(Action.SHIFT, step=0, traffic=traffic, failed_checks=failed)


def _under_way(canary: Canary, analysis: CanaryAnalysis, seen: Seen) -> Decision:
    """Bring about the step that the journal names, have it judged, and go on by its verdict."""
    status = canary.status
    index, step = step_at(analysis, status.step)
    now = Decision(
        Action.ANALYSE,
        step=index,
        traffic=step.traffic,
        iterations=status.iterations,
        failed_checks=status.failed_checks,
    )
    if not seen.scaled:
        return replace(now, action=Action.SCALE_UP)
    if seen.weight != step.traffic.canary:
        return replace(now, action=Action.SHIFT)
    if seen.check is None:
        return now
    if seen.check.verdict is Verdict.FAIL:
        return _failed_check(canary, seen, seen.check, now)
    if seen.check.verdict is not Verdict.PASS or _held(canary, seen):
        return replace(now, reason=seen.check.reason, another_interval=True)
    passed = now.iterations + 1
    if passed < step.repeat:
        return replace(now, reason=seen.check.reason, another_interval=True, iterations=passed)
    return _step_passed(analysis, seen, now)


def _failed_check(canary: Canary, seen: Seen, check: Judgement, now: Decision) -> Decision:
    failed, analysis = now.failed_checks + 1, canary.spec.analysis
    if analysis is None or failed >= analysis.failures_allowed:
        if check.measured:
            return _bad(canary, seen, check.reason, failed)
        return Decision(Action.ROLL_BACK, check.reason, failed_checks=failed, outcome=Outcome.ROLLED_BACK)
    return replace(now, reason=check.reason, another_interval=True, failed_checks=failed)


def _step_passed(analysis: CanaryAnalysis, seen: Seen, now: Decision) -> Decision:
    steps, following = plan(analysis), now.step + 1
    failed = now.failed_checks
    last = following == len(steps)
    moments = [When.BEFORE_INCREASE] if now.traffic.canary or not last else []
    moments += [When.BEFORE_PROMOTION] if last else []
    point = next_of(analysis, moments, seen.gates_open, seen.gated)
    if point:
        waited = seen.gate_closed is not None and seen.gate_closed.point is point
        return replace(now, action=Action.ASK_GATE, point=point, another_interval=waited)
    if not last:
        return Decision(Action.SHIFT, step=following, traffic=steps[following].traffic, failed_checks=failed)
    return Decision(Action.PROMOTE, seen.check.reason if seen.check else "", failed_checks=failed)


def _still_closed(canary: Canary, analysis: CanaryAnalysis, seen: Seen) -> Decision | None:
    """A closed gate is asked again; one that counts is a failed check each time."""
    closed = seen.gate_closed
    if closed is None:
        return None
    counts = closed.point.counts and not closed.waits
    failed = canary.status.failed_checks + (1 if counts else 0)
    if counts and failed >= analysis.failures_allowed:
        why = f"gate {closed.point.type} did not open: {closed.said}"
        return Decision(Action.ROLL_BACK, why, failed_checks=failed, outcome=Outcome.ROLLED_BACK)
    return Decision(Action.ASK_GATE, closed.said, point=closed.point, another_interval=True, failed_checks=failed)
