"""What the rows of the decisions are made of: a journal, what is seen, and the decisions that come often."""

from __future__ import annotations

from typing import Any

from sluice.judge.judgement import Judgement
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Action, Decision, Outcome, Seen
from tests.samples import gate

OLD, NEW, NEWER = "rev-old", "rev-new", "rev-newer"
GATES = {"analysis": {"webhooks": [gate("confirm-rollout"), gate("pre-rollout"), gate("confirm-promotion")]}}
INCREASE = {"analysis": {"webhooks": [gate("confirm-promotion"), gate("confirm-traffic-increase")]}}


def status(phase: Phase | None, **fields: Any) -> dict[str, Any]:
    base = {"phase": phase, "lastPromotedSpec": OLD, "lastAppliedSpec": NEW}
    return {**base, **fields}


def stepping(step: int, weight: int, **fields: Any) -> dict[str, Any]:
    return status(Phase.PROGRESSING, step=step, canaryWeight=weight, **fields)


def seen(**fields: Any) -> Seen:
    return Seen(**{"revision": NEW, "carries": NEW, "weight": 0, **fields})


def word(verdict: Verdict) -> Judgement:
    return Judgement(verdict=verdict, reason=f"said {verdict}")


PASS, FAIL = word(Verdict.PASS), word(Verdict.FAIL)
SILENT, DOWN, CONTINUE = word(Verdict.NO_DATA), word(Verdict.PROVIDER_DOWN), word(Verdict.CONTINUE)
BACK = Action.ROLL_BACK
MAKE = Decision(Action.INITIALISE, outcome=Outcome.INITIALISED)
FINISH = Decision(Action.FINALISE, outcome=Outcome.PROMOTED)


def ends(**runs: str) -> list[dict[str, str]]:
    """The ends that the journal remembers, by run."""
    return [{"run": run, "outcome": outcome} for run, outcome in runs.items()]
