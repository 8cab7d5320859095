"""What is decided can be written: what the journal refuses would be tried for ever, and nobody could read why."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from sluice.gates.points import POINTS, Closed
from sluice.judge.judgement import Judgement
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decide import decide
from sluice.rollout.decision import Action, Decision, Outcome, Seen
from sluice.rollout.phases import GOING, TRANSITIONS
from tests.samples import canary, gate

OLD, NEW, NEWER = "rev-old", "rev-new", "rev-newer"
GATES: dict[str, Any] = {"analysis": {"webhooks": [gate("confirm-rollout"), gate("confirm-promotion")]}}
SPECS: list[dict[str, Any]] = [{}, GATES, {"skipAnalysis": True}, {"suspend": True}, {**GATES, "suspend": True}]
VERDICTS = [Judgement(verdict=one, reason=f"said {one}") for one in Verdict]
ENTRIES = {
    Action.BEGIN: Phase.PROGRESSING,
    Action.SHIFT: Phase.PROGRESSING,
    Action.ANALYSE: Phase.PROGRESSING,
    Action.PROMOTE: Phase.PROMOTING,
    Action.FINALISE: Phase.SUCCEEDED,
    Action.ROLL_BACK: Phase.FAILED,
}
"""The phase that the stage of an action writes; the others stay in the one that there is."""


def drawn(dice: Random) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A journal, a spec and what was seen, as they may meet."""
    phase = dice.choice([one for one in Phase if one not in GOING])
    step, revision = dice.choice([-1, 0, 2]), dice.choice([OLD, NEW, NEW, NEWER])
    weight, promoted = dice.choice([0, 30, 100]), dice.choice([OLD, OLD, ""])
    asked = "confirm-promotion" if step > 0 else "confirm-rollout"
    journal = {
        "phase": phase,
        "lastPromotedSpec": promoted,
        "lastAppliedSpec": NEW,
        "step": step,
        "canaryWeight": weight,
        # A promotion that is over is no more rolled back.
        "rollbackReason": dice.choice(["", "bad"]) if phase is not Phase.FINALISING else "",
    }
    facts = {
        "revision": revision,
        "carries": dice.choice([NEW, NEW, revision]),
        "weight": weight,
        "scaled": dice.random() < 0.5,
        "led": dice.random() < 0.2,
        "check": dice.choice([None, *VERDICTS]),
        "cancelled": dice.random() < 0.2,
        "broken": dice.choice(["", "", "", "not valid any more"]),
        "fault": dice.choice(["", "", "", "never ready"]),
        "gate_closed": dice.choice([None, Closed(POINTS[asked], "closed")]),
    }
    return journal, dice.choice(SPECS), facts


def entries(decision: Decision, phase: Phase) -> set[Phase]:
    """The phases that a decision may have written."""
    if decision.action is Action.ASK_GATE and decision.point:
        return {decision.point.phase or phase}
    if decision.action is Action.INITIALISE:
        return {Phase.FAILED if decision.outcome is Outcome.CANCELLED else Phase.INITIALIZED}
    if decision.action is Action.SUPERSEDE and decision.outcome is Outcome.REVERTED:
        return {Phase.SUCCEEDED}
    return {ENTRIES.get(decision.action, phase)}


@pytest.mark.parametrize("seed", range(20))
def test_what_is_decided_can_be_written(seed: int) -> None:
    """Whatever journal, spec and observation meet."""
    dice = Random(seed)
    for _ in range(200):
        journal, spec, facts = drawn(dice)
        decision, phase = decide(canary(spec, journal), Seen(**facts)), journal["phase"]
        if decision.action is Action.INITIALISE and phase is Phase.FAILED:
            phase = Phase.INITIALIZING  # what the stage writes first
        for after in entries(decision, phase) - {phase}:
            assert after in TRANSITIONS[phase], (journal, spec, facts, str(decision))
