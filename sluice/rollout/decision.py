"""What a rollout decides by, and what it can decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from sluice.gates.points import Closed, Point
from sluice.judge.judgement import Judgement
from sluice.rollout.strategies.base import HOME, Traffic
from sluice.trains.holding import Held


class Action(StrEnum):
    """What a rollout can do next."""

    INITIALISE = "initialise"
    BEGIN = "begin"
    ASK_GATE = "ask gate"
    SCALE_UP = "scale up"
    SHIFT = "shift traffic"
    ANALYSE = "analyse"
    SWITCH_FLAGS_OFF = "switch flags off"
    WATCH_RECOVERY = "watch recovery"
    PROMOTE = "promote"
    FINALISE = "finalise"
    ROLL_BACK = "roll back"
    SUPERSEDE = "supersede"
    SEND_HOME = "send home"
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
    """This revision was rolled back before; it is tried again only on demand."""
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    """A person cancelled it before there was a primary; it is tried again on demand, or with another revision."""
    DELETED = "deleted"
    """The Canary was deleted in the middle of its release."""

    @property
    def judged(self) -> bool:
        """Whether the release came to a verdict, which is worth a chart and numbers."""
        return self in {Outcome.PROMOTED, Outcome.ROLLED_BACK}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed just now, and what this run has already done for this revision.

    Attributes:
        revision: the target's revision.
        carries: the revision that this run is for; a run carries one revision to its end.
        weight: the canary's real weight at the router, percent; None where there is no route.
        led: users come to a primary already that is still being made.
        scaled: whether this run has seen the canary ready.
        gates_open: types of gates that have opened in this run.
        gate_closed: the gate that was asked last and did not open; None where it did.
        check: the judge's last verdict on the step under way.
        broken: why nothing can go on by what the cluster holds, such as a Canary that is not valid any more or a target
            that was deleted; empty where it can.
        stuck: why the promotion under way did not come to its end when it was tried last.
        fault: why this revision cannot go on, such as pods that never became ready; empty where nothing is wrong.
        bad: what the judge has measured against this revision, which ends it; empty where nothing does.
        gated: types of points at which Gates are asked.
        held: why nothing goes forward, such as a freeze; empty where it may.
        train: what the train says that its service belongs to; None where it has none.
        aborted: who wants it to go home and why; empty where nobody does.
        ahead: who wants it promoted without the steps that are left; empty where nobody does.
        paused, cancelled: what a person asked for in the UI.
        called_back: why a service of the user's wants it rolled back; empty while none does.
        retry_refused: a person wants a revision that was rolled back to be tried again.
        run: id of the run that decides; the journal may say that it ended before, in a process that died.
    """

    revision: str
    carries: str
    weight: int | None = None
    led: bool = False
    scaled: bool = False
    gates_open: frozenset[str] = field(default_factory=frozenset)
    gate_closed: Closed | None = None
    check: Judgement | None = None
    broken: str = ""
    stuck: str = ""
    fault: str = ""
    bad: str = ""
    gated: frozenset[str] = field(default_factory=frozenset)
    held: str = ""
    train: Held | None = None
    aborted: str = ""
    ahead: str = ""
    paused: bool = False
    cancelled: bool = False
    called_back: str = ""
    retry_refused: bool = False
    run: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do next and why.

    Attributes:
        step: index of the step that the action belongs to.
        traffic: what the canary gets in that step.
        iterations: intervals of the step that have passed.
        point: which gates to ask.
        another_interval: the step under way, or the closed gate, is waited for once more.
        failed_checks: what the journal's count becomes with this decision.
        back_to: the revision that the primary gets back, of a release that is sent home after its promotion.
        outcome: how the run ends with this action; None where it goes on.
    """

    action: Action
    reason: str = ""
    step: int = 0
    traffic: Traffic = HOME
    iterations: int = 0
    point: Point | None = None
    another_interval: bool = False
    failed_checks: int = 0
    back_to: str = ""
    outcome: Outcome | None = None

    def __str__(self) -> str:
        what = {Action.SHIFT: f" to {self.traffic}", Action.ANALYSE: f" step {self.step + 1} at {self.traffic}"}
        asked = f" {self.point.type}" if self.point else ""
        why = f": {self.reason}" if self.reason else ""
        return f"{self.action}{what.get(self.action, '')}{asked}{why}"
