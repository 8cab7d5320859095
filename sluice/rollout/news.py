"""What event webhooks hear of a release: the phase, and a sentence.

Where Flagger has a sentence for it, its beginning is Flagger's (pkg/controller/scheduler.go, scheduler_hooks.go), so that
services which look for one find it; the reason after it is sluice's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Action, Decision, Outcome
from sluice.rollout.result import StageResult


@dataclass(frozen=True, slots=True)
class News:
    """One event.

    Attributes:
        type: of the event, in Kubernetes' words.
        phase: that it belongs to.
        message: for people.
    """

    type: Literal["Normal", "Warning"]
    phase: Phase
    message: str


def news_of(canary: Canary, decision: Decision, result: StageResult) -> Iterator[News]:
    """What is heard of a decision that was carried out, in order; nothing of what only waits."""
    tell = HEARD.get(decision.action)
    if tell is not None:
        yield from tell(canary, decision, result)


def _good(phase: Phase, message: str) -> News:
    return News("Normal", phase, message)


def _bad(phase: Phase, message: str) -> News:
    return News("Warning", phase, message)


def _name(canary: Canary) -> str:
    return f"{canary.name}.{canary.namespace}"


def _target(canary: Canary, suffix: str = "") -> str:
    return f"{canary.target}{suffix}.{canary.namespace}"


def _initialised(canary: Canary, decision: Decision, _: StageResult) -> Iterator[News]:
    if decision.outcome is Outcome.INITIALISED:
        yield _good(Phase.INITIALIZED, f"Initialization done! {_name(canary)}")


def _began(canary: Canary, _: Decision, result: StageResult) -> Iterator[News]:
    if result.began:
        yield _good(Phase.PROGRESSING, f"New revision detected! Scaling up {_target(canary)}")


def _asked(canary: Canary, decision: Decision, result: StageResult) -> Iterator[News]:
    point = decision.point
    if point is None:
        return
    if result.closed:
        yield _bad(point.phase or Phase.PROGRESSING, f"Halt {_name(canary)} advancement {result.closed}")
    elif result.opened:
        for webhook in canary.webhooks(point.type):
            yield _good(Phase.PROGRESSING, f"{point.type.capitalize()} check {webhook.name} passed")


def _shifted(canary: Canary, decision: Decision, _: StageResult) -> Iterator[News]:
    if decision.step == 0:
        yield _good(Phase.PROGRESSING, f"Starting canary analysis for {_target(canary)}")
    if decision.traffic.canary:
        yield _good(Phase.PROGRESSING, f"Advance {_name(canary)} canary weight {decision.traffic.canary}")


def _judged(canary: Canary, decision: Decision, result: StageResult) -> Iterator[News]:
    verdict = result.step.judgement if result.step else None
    if verdict is not None and verdict.verdict not in {Verdict.PASS, Verdict.CONTINUE}:
        yield _bad(Phase.PROGRESSING, f"Halt {_name(canary)} advancement {verdict.reason}")
    elif verdict is not None and verdict.verdict is Verdict.PASS and not decision.traffic.canary:
        repeats = canary.spec.analysis.iterations if canary.spec.analysis else 0
        yield _good(
            Phase.PROGRESSING, f"Advance {_name(canary)} canary iteration {decision.iterations + 1}/{repeats or 1}"
        )


def _promoted(canary: Canary, _decision: Decision, _result: StageResult) -> Iterator[News]:
    yield _good(Phase.PROMOTING, f"Copying {_target(canary)} template spec to {canary.primary}.{canary.namespace}")
    yield _good(Phase.FINALISING, "Routing all traffic to primary")


def _finalised(canary: Canary, decision: Decision, _: StageResult) -> Iterator[News]:
    if decision.outcome is Outcome.PROMOTED:
        yield _good(Phase.SUCCEEDED, f"Promotion completed! Scaling down {_target(canary)}")


def _came_home(canary: Canary, decision: Decision, result: StageResult) -> Iterator[News]:
    yield _bad(Phase.PROGRESSING, f"Rolling back {_name(canary)} {result.reason or decision.reason}".strip())
    yield _bad(Phase.FAILED, f"Canary failed! Scaling down {_target(canary)}")


def _superseded(canary: Canary, _decision: Decision, _result: StageResult) -> Iterator[News]:
    yield _good(Phase.PROGRESSING, f"New revision detected! Restarting analysis for {_target(canary)}")


def _flags_off(canary: Canary, decision: Decision, result: StageResult) -> Iterator[News]:
    yield _bad(Phase.PROGRESSING, f"Switched flags off of {_name(canary)}: {result.reason or decision.reason}")


HEARD: Mapping[Action, Callable[[Canary, Decision, StageResult], Iterator[News]]] = {
    Action.INITIALISE: _initialised,
    Action.BEGIN: _began,
    Action.ASK_GATE: _asked,
    Action.SHIFT: _shifted,
    Action.ANALYSE: _judged,
    Action.SWITCH_FLAGS_OFF: _flags_off,
    Action.PROMOTE: _promoted,
    Action.FINALISE: _finalised,
    Action.ROLL_BACK: _came_home,
    Action.SUPERSEDE: _superseded,
}
"""What is heard of each action; of the others nothing."""
