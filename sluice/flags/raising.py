"""What comes next for a FlagRollout: one pure function of its journal, the flag as the service has it, and the last verdict.

Intent is journaled before the flag is turned. A flag that is neither as it was when the intent was written nor as it was
wanted was changed by somebody else: from then on it is theirs, and nothing is turned any more, also not lowered.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from sluice.flags.flag import TRUE, Flag, FlagState, Turn, Wish
from sluice.judge.verdict import Verdict
from sluice.manifests.own.flag_rollout import FlagRollout, FlagRolloutStatus, RaisePhase

ALL = 100.0
TOLERANCE = 0.01
"""Percent by which a service may round a share."""


class Act(StrEnum):
    """What is to be done."""

    NOTHING = "nothing"
    """It is over, or suspended."""
    INTEND = "intend"
    """Write into the journal what is wanted next."""
    TURN = "turn"
    """Turn the flag to what the journal wants."""
    SETTLE = "settle"
    """Write into the journal that the flag is as wanted."""
    NOTE = "note"
    """Write into the journal what an interval came to, and judge the step for another one."""
    JUDGE = "judge"
    """Judge the step that the flag is at."""
    END = "end"
    """Write into the journal how it ended."""


class Judged(BaseModel):
    """What an interval of a step came to.

    Attributes:
        verdict: CONTINUE where it was cut short, because the flag or the FlagRollout changed.
        reason: the sentence that people read.
        fatal: whether it ends the rollout whatever the threshold says.
        judged: how users were divided.
        closed: which gate is closed that has a say before everybody gets it; empty where none is.
    """

    model_config = ConfigDict(frozen=True)
    verdict: Verdict
    reason: str = ""
    fatal: bool = False
    judged: str = ""
    closed: str = ""


class Decision(BaseModel):
    """What comes next, with all that its act needs.

    Attributes:
        status: the journal's fields after the act, by their names; nothing of it is written for TURN and JUDGE.
        wish: for TURN.
        reason: for people.
    """

    model_config = ConfigDict(frozen=True)
    act: Act
    status: FlagRolloutStatus
    wish: Wish | None = None
    reason: str = ""


def steps_of(rollout: FlagRollout) -> tuple[float, ...]:
    """The shares of its steps, percent, rising; everybody comes after the last one."""
    return tuple(float(weight) for weight in rollout.spec.analysis.weights)


def share_of(state: FlagState, value: str) -> float | None:
    """Percent of the users without a rule of their own who get the value; None where the service cannot say."""
    wanted = value or TRUE
    if state.served.everybody is not None:
        return ALL if state.served.everybody == wanted else 0.0
    if not state.served.shares:
        return None
    return state.served.shares.get(wanted, 0.0)


def decide(rollout: FlagRollout, flag: Flag | None, judged: Judged | None = None, now: float = 0.0) -> Decision:
    """What comes next.

    Args:
        rollout: with its journal.
        flag: as the service has it; None where it has none.
        judged: what the step that the journal says is under way came to; None before it was judged.
        now: seconds since the epoch, for the journal.
    """
    status = FlagRolloutStatus() if rollout.fresh else rollout.status
    status = status.model_copy(update={"observed_generation": rollout.metadata.generation})
    if not rollout.due:
        return Decision(act=Act.NOTHING, status=status, reason=status.message)
    state = flag.environments.get(rollout.environment) if flag else None
    if state is None:
        return _stopped(status, f"the service has no flag {rollout.spec.flag} in {rollout.environment}")
    share = share_of(state, rollout.spec.value)
    if status.phase is RaisePhase.NEW:
        return _first(rollout, status, state, share, now)
    if status.wanted is not None:
        return _pending(rollout, status, state, share, now)
    if state.version != status.version:
        return _stopped(status, f"somebody else changed the flag: {state.served} now, {status.share:g} % before")
    if status.phase is RaisePhase.FINISHING:
        return _ended(status, RaisePhase.SUCCEEDED, "everybody has it")
    if status.phase is RaisePhase.LOWERING:
        return _ended(status, RaisePhase.FAILED, status.message)
    return _next(rollout, status, judged, now)


def _first(
    rollout: FlagRollout, status: FlagRolloutStatus, state: FlagState, share: float | None, now: float
) -> Decision:
    if state.switched_off:
        return _stopped(status, "the flag is switched off: `sluice flags restore` gives it back")
    if share is None:
        return _stopped(status, f"the flag is served {state.served}: its share is not known, so nobody can raise it")
    if share >= ALL - TOLERANCE:
        return _ended(status, RaisePhase.SUCCEEDED, "everybody has it already")
    ahead = [index for index, weight in enumerate(steps_of(rollout)) if weight > share + TOLERANCE]
    begun = status.model_copy(update={"began": share, "began_at": now})
    if not ahead:
        return _intended(begun, RaisePhase.FINISHING, len(steps_of(rollout)), ALL, state.version)
    return _intended(begun, RaisePhase.PROGRESSING, ahead[0], steps_of(rollout)[ahead[0]], state.version)


def _pending(
    rollout: FlagRollout, status: FlagRolloutStatus, state: FlagState, share: float | None, now: float
) -> Decision:
    """The intent is written; whether its act was done is read off the flag."""
    wanted = status.wanted
    if wanted is None:
        raise ValueError("there is no intent")
    if share is not None and abs(share - wanted) < TOLERANCE:
        settled = {"wanted": None, "base": "", "share": wanted, "version": state.version, "step_started": now}
        said = f"{wanted:g} % of users have it"
        said = f"{status.message}; {said}" if status.phase is RaisePhase.LOWERING else said
        return Decision(act=Act.SETTLE, status=status.model_copy(update=settled | {"message": said}), reason=said)
    if state.version != status.base:
        return _stopped(status, f"somebody else changed the flag before it was at {wanted:g} %: {state.served} now")
    wish = Wish(
        turn=Turn.ON if status.phase is RaisePhase.FINISHING else Turn.SHARE,
        share=wanted,
        value=rollout.spec.value,
        rest=rollout.spec.rest,
    )
    return Decision(act=Act.TURN, status=status, wish=wish, reason=f"to {wanted:g} %")


def _next(rollout: FlagRollout, status: FlagRolloutStatus, judged: Judged | None, now: float) -> Decision:
    """After a verdict on the step under way."""
    steps = steps_of(rollout)
    if judged is None or judged.verdict not in (Verdict.PASS, Verdict.FAIL):
        return Decision(act=Act.JUDGE, status=status, reason=f"step {status.step + 1} at {status.share:g} %")
    status = status.model_copy(update={"judged": judged.judged})
    if judged.verdict is Verdict.FAIL:
        failed = status.failed_checks + 1
        if not judged.fatal and failed < rollout.spec.analysis.failures_allowed:
            return _noted(status, f"failed check {failed}: {judged.reason}", now, failed)
        said = status.model_copy(update={"message": judged.reason, "failed_checks": failed})
        return _intended(said, RaisePhase.LOWERING, status.step, status.began, status.version)
    following = status.step + 1
    if following < len(steps):
        return _intended(status, RaisePhase.PROGRESSING, following, steps[following], status.version)
    if judged.closed:
        return _noted(status, judged.closed, now, status.failed_checks)
    return _intended(status, RaisePhase.FINISHING, following, ALL, status.version)


def _noted(status: FlagRolloutStatus, said: str, now: float, failed: int) -> Decision:
    changed = {"failed_checks": failed, "message": said, "step_started": now}
    return Decision(act=Act.NOTE, status=status.model_copy(update=changed), reason=said)


def _intended(status: FlagRolloutStatus, phase: RaisePhase, step: int, wanted: float, base: str) -> Decision:
    said = status.message if phase is RaisePhase.LOWERING else f"to {wanted:g} % of users"
    changed = {"phase": phase, "step": step, "wanted": wanted, "base": base, "message": said}
    return Decision(act=Act.INTEND, status=status.model_copy(update=changed), reason=said)


def refused(decision: Decision, why: str) -> Decision:
    """The end of a rollout whose act the service will never do."""
    return _stopped(decision.status, why)


def _stopped(status: FlagRolloutStatus, why: str) -> Decision:
    return _ended(status, RaisePhase.STOPPED, f"{why}; sluice leaves it as it is")


def _ended(status: FlagRolloutStatus, phase: RaisePhase, why: str) -> Decision:
    changed = {"phase": phase, "wanted": None, "base": "", "message": why}
    return Decision(act=Act.END, status=status.model_copy(update=changed), reason=why)
