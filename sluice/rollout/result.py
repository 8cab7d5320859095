"""What a stage of a rollout came to, and what a run knows after it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pydantic import BaseModel, ConfigDict

from sluice.gates.points import Closed, after_shift
from sluice.judge.judgement import Judgement
from sluice.notices.message import Occasion
from sluice.rollout.decision import Seen


class Point(BaseModel):
    """One moment of the rollout, for the chart."""

    model_config = ConfigDict(frozen=True)
    at: float
    weight: int
    success: float | None
    requests: int


class StepResult(BaseModel):
    """What a step came to.

    Attributes:
        judgement: the judge's verdict; CONTINUE only where a newer revision cut the step short.
        fatal: whether the verdict ends the release whatever the threshold says.
        points: the step's moments.
        recordings: what the judge saw, packed; see `sluice.replay.recording`.
    """

    model_config = ConfigDict(frozen=True)
    step: int
    weight: int
    judgement: Judgement
    fatal: bool = False
    points: tuple[Point, ...] = ()
    recordings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage came to, for the run that asked for it. Every stage gives one; what it says nothing of stays as it was.

    Attributes:
        began: the release was opened in the journal.
        sent_home: the release stands before its first gates again, with nothing of it running.
        scaled: whether the canary can take traffic.
        fault: why the revision cannot go on.
        opened: the type of gates that have all opened.
        closed: the gate that did not open.
        unjudged: what the judge said before is about another weight or another time.
        step: what a judged step came to.
        news: what people are to hear.
        about: the version that it is about; the run's own where empty.
        reason: why, for people; the decision's own where empty.
        shifted: the canary's share of the users was brought about.
        home: when the traffic was home at the end of the release, seconds since the epoch.
        recovered: what the judge had against the revision is over.
        facts: numbers for people, besides those of the last step.
    """

    began: bool = False
    sent_home: bool = False
    scaled: bool | None = None
    fault: str = ""
    opened: str = ""
    closed: Closed | None = None
    unjudged: bool = False
    step: StepResult | None = None
    news: Occasion | None = None
    about: str = ""
    reason: str = ""
    shifted: bool = False
    home: float = 0.0
    recovered: bool = False
    facts: dict[str, str] = field(default_factory=dict)


def after(seen: Seen, result: StageResult) -> Seen:
    """What a run knows after a stage."""
    if result.sent_home:
        return replace(
            seen, scaled=False, gates_open=frozenset(), gate_closed=None, check=None, fault="", bad="", stuck=""
        )
    asked = bool(result.opened or result.closed)
    check: Judgement | None = result.step.judgement if result.step else seen.check
    fatal = result.step.judgement if result.step and result.step.fatal else None
    said = fatal.reason if fatal else ""
    measured = fatal is not None and fatal.measured
    opened = after_shift(seen.gates_open) if result.shifted else seen.gates_open
    return replace(
        seen,
        retry_refused=seen.retry_refused and not result.began,
        scaled=seen.scaled if result.scaled is None else result.scaled,
        fault=result.fault or ("" if measured else said) or seen.fault,
        bad="" if result.recovered else (said if measured else "") or seen.bad,
        gates_open=opened | {result.opened} if result.opened else opened,
        gate_closed=result.closed if asked else seen.gate_closed,
        check=None if result.unjudged else check,
    )
