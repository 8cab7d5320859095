"""What a release does that the judge finds bad, where flags came with it."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.judge.judgement import Judgement
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decide import decide
from sluice.rollout.decision import Action, Decision, Outcome, Seen
from sluice.rollout.strategies.base import Traffic
from tests.peopled_flags import SERVICE
from tests.samples import canary

OLD, NEW = "rev-old", "rev-new"
BAD = "half of the requests fail"
SWITCH = {"analysis": {"killSwitch": {"service": SERVICE, "flags": ["checkout"]}}}
AT_30 = {"step": 1, "traffic": Traffic(30)}
SWITCH_OFF = Decision(Action.SWITCH_FLAGS_OFF, BAD, **AT_30)
HOME = Decision(Action.ROLL_BACK, BAD, outcome=Outcome.ROLLED_BACK)
MEASURED = Judgement(verdict=Verdict.FAIL, reason=BAD, measured=True)
GATE = Judgement(verdict=Verdict.FAIL, reason="gate e2e: closed")


def journal(state: str | None = None, **fields: Any) -> dict[str, Any]:
    """Of a release at its second step."""
    flags = {"revision": NEW, "state": state, "reason": BAD}
    base = {"phase": Phase.PROGRESSING, "lastPromotedSpec": OLD, "lastAppliedSpec": NEW, "step": 1, "canaryWeight": 30}
    return {**base, "flags": flags, **fields}


def next_act(status: dict[str, Any], spec: dict[str, Any] = SWITCH, **facts: Any) -> Decision:
    seen = Seen(**{"revision": NEW, "carries": NEW, "weight": 30, "scaled": True, **facts})
    return decide(canary(spec, status), seen)


CASES = [
    pytest.param(journal(), {}, {"bad": BAD}, HOME, id="nothing is switched where no kill switch is set"),
    pytest.param(journal(), SWITCH, {"bad": BAD}, SWITCH_OFF, id="the flags go off first"),
    pytest.param(journal(), SWITCH, {"bad": BAD, "scaled": False}, SWITCH_OFF, id="whatever becomes of the pods"),
    pytest.param(
        journal(),
        {"analysis": {"killSwitch": {"service": SERVICE}}},
        {"bad": BAD},
        HOME,
        id="a release that names no flags goes home",
    ),
    pytest.param(journal("switching"), SWITCH, {}, SWITCH_OFF, id="a worker that takes over goes on with the intent"),
    pytest.param(
        journal("watching"),
        SWITCH,
        {},
        Decision(Action.WATCH_RECOVERY, BAD, **AT_30),
        id="then its recovery is watched",
    ),
    pytest.param(
        journal("watching"),
        SWITCH,
        {"scaled": False},
        Decision(Action.SCALE_UP, BAD, **AT_30),
        id="by a worker that has seen its pods",
    ),
    pytest.param(
        journal("watching"),
        SWITCH,
        {"weight": 60},
        Decision(
            Action.ROLL_BACK,
            f"{BAD}; the canary's traffic was changed by somebody while its recovery was watched",
            outcome=Outcome.ROLLED_BACK,
        ),
        id="somebody gives it more traffic meanwhile",
    ),
    pytest.param(journal("watching"), {}, {}, HOME, id="somebody takes the kill switch out of the manifest meanwhile"),
    pytest.param(
        journal("watching"),
        {**SWITCH, "skipAnalysis": True},
        {},
        HOME,
        id="or has the analysis skipped: it was found bad",
    ),
    pytest.param(
        journal("recovered"),
        SWITCH,
        {},
        Decision(Action.ANALYSE, **AT_30),
        id="one that has recovered goes on with its step",
    ),
    pytest.param(journal("recovered"), SWITCH, {"bad": BAD}, HOME, id="one that fails with its flags off goes home"),
    pytest.param(
        journal("watching", rollbackReason="not recovered"),
        SWITCH,
        {},
        Decision(Action.ROLL_BACK, "not recovered", outcome=Outcome.ROLLED_BACK),
        id="the way home is not turned back",
    ),
    pytest.param(
        journal(failedChecks=1),
        SWITCH,
        {"check": MEASURED},
        Decision(Action.SWITCH_FLAGS_OFF, BAD, failed_checks=2, **AT_30),
        id="the last failed check",
    ),
    pytest.param(
        journal(),
        SWITCH,
        {"check": MEASURED},
        Decision(Action.ANALYSE, BAD, another_interval=True, failed_checks=1, **AT_30),
        id="a failed check that is not the last",
    ),
    pytest.param(
        journal(failedChecks=1),
        SWITCH,
        {"check": GATE},
        Decision(Action.ROLL_BACK, GATE.reason, failed_checks=2, outcome=Outcome.ROLLED_BACK),
        id="a closed gate is no flag's doing",
    ),
    *(
        pytest.param(
            journal(state),
            SWITCH,
            {"bad": BAD, **facts},
            Decision(Action.ROLL_BACK, reason, outcome=Outcome.ROLLED_BACK),
            id=f"{why}, {state}",
        )
        for state in (None, "switching", "watching")
        for why, facts, reason in (
            ("a person cancels", {"cancelled": True}, "cancelled by a person"),
            ("its pods never served", {"fault": "no pods"}, "no pods"),
            ("the Canary is not valid any more", {"broken": "not valid"}, "not valid"),
        )
    ),
    pytest.param(
        journal("switching"),
        SWITCH,
        {"revision": "rev-newer"},
        Decision(Action.SUPERSEDE, "a newer revision came", outcome=Outcome.SUPERSEDED),
        id="a newer revision",
    ),
    pytest.param(
        journal("watching") | {"flags": {"revision": OLD, "state": "watching"}},
        SWITCH,
        {},
        Decision(Action.ANALYSE, **AT_30),
        id="what the journal says of an older revision is over",
    ),
]


@pytest.mark.parametrize(("status", "spec", "facts", "expected"), CASES)
def test_what_comes_next(
    status: dict[str, Any], spec: dict[str, Any], facts: dict[str, Any], expected: Decision
) -> None:
    """Each state of the journal has one next act."""
    assert next_act(status, spec, **facts) == expected
