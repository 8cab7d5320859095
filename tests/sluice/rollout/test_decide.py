"""What a rollout does next, branch by branch."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.gates.points import POINTS, Closed
from sluice.judge.judgement import Judgement
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decide import decide
from sluice.rollout.decision import Action, Decision, Outcome, Seen
from sluice.rollout.strategies.base import Traffic
from tests.samples import canary, gate

OLD, NEW, NEWER = "rev-old", "rev-new", "rev-newer"
GATES = {"analysis": {"webhooks": [gate("confirm-rollout"), gate("pre-rollout"), gate("confirm-promotion")]}}


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


AT_REST = [
    pytest.param(None, {}, {}, MAKE, id="nothing was made yet"),
    pytest.param(status(Phase.INITIALIZING), {}, {}, MAKE, id="being made"),
    pytest.param(
        status(Phase.INITIALIZING),
        {},
        {"cancelled": True},
        Decision(Action.INITIALISE, "cancelled by a person", outcome=Outcome.CANCELLED),
        id="making is given up where a person says so",
    ),
    pytest.param(
        status(Phase.INITIALIZING),
        {},
        {"cancelled": True, "led": True},
        MAKE,
        id="making is not given up any more once users are led to the primary",
    ),
    pytest.param(
        status(Phase.INITIALIZING),
        {"suspend": True},
        {"led": True},
        MAKE,
        id="nor is it suspended then",
    ),
    pytest.param(
        status(Phase.FAILED, lastPromotedSpec="", lastAppliedSpec=NEW),
        {},
        {},
        Decision(
            Action.END,
            "making the primary was cancelled; push another revision, or run roll_out with retry_refused=true",
            outcome=Outcome.REFUSED,
        ),
        id="making that was cancelled is not begun again by itself",
    ),
    pytest.param(
        status(Phase.FAILED, lastPromotedSpec="", lastAppliedSpec=NEW),
        {},
        {"retry_refused": True},
        MAKE,
        id="making that was cancelled is begun again on demand",
    ),
    pytest.param(
        status(Phase.FAILED, lastPromotedSpec="", lastAppliedSpec=NEW),
        {},
        {"revision": NEWER, "carries": NEWER},
        MAKE,
        id="making that was cancelled is begun with another revision",
    ),
    pytest.param(status(Phase.INITIALIZED), {}, {}, Decision(Action.BEGIN), id="a first new revision"),
    pytest.param(status(Phase.SUCCEEDED), {}, {}, Decision(Action.BEGIN), id="a further new revision"),
    pytest.param(
        status(Phase.SUCCEEDED, lastPromotedSpec=NEW),
        {},
        {},
        Decision(Action.END, "the primary runs this revision", outcome=Outcome.UNCHANGED),
        id="what is promoted already",
    ),
    pytest.param(
        status(Phase.SUCCEEDED, lastPromotedSpec=NEW, ends=ends(me="promoted")),
        {},
        {"run": "me"},
        Decision(Action.END, "already finished by this run before its worker crashed", outcome=Outcome.PROMOTED),
        id="what this run has promoted",
    ),
    pytest.param(
        status(Phase.SUCCEEDED, lastPromotedSpec=NEW, ends=ends(another="promoted")),
        {},
        {"run": "me"},
        Decision(Action.END, "the primary runs this revision", outcome=Outcome.UNCHANGED),
        id="what another run has promoted",
    ),
    pytest.param(
        status(Phase.FAILED, ends=ends(me="rolled back")),
        {},
        {"run": "me", "retry_refused": True},
        Decision(Action.END, "already finished by this run before its worker crashed", outcome=Outcome.ROLLED_BACK),
        id="what this run has rolled back is not tried once more by it",
    ),
    pytest.param(
        status(
            Phase.SUCCEEDED, lastAppliedSpec=OLD, lastPromotedSpec=OLD, ends=ends(me="rolled back", another="promoted")
        ),
        {},
        {"run": "me"},
        Decision(Action.END, "already finished by this run before its worker crashed", outcome=Outcome.ROLLED_BACK),
        id="what this run has rolled back stays its outcome, whatever came since",
    ),
    pytest.param(
        status(Phase.FAILED, lastAppliedSpec=OLD),
        {},
        {"run": "me"},
        Decision(Action.BEGIN),
        id="an older revision that was rolled back",
    ),
    pytest.param(
        status(Phase.SUCCEEDED),
        {"suspend": True},
        {},
        Decision(Action.END, "spec.suspend is set", outcome=Outcome.SUSPENDED),
        id="suspended",
    ),
    pytest.param(
        status(Phase.FAILED),
        {},
        {},
        Decision(
            Action.END,
            "this revision was rolled back before; push another one, or run roll_out with retry_refused=true",
            outcome=Outcome.REFUSED,
        ),
        id="a revision that was rolled back",
    ),
    pytest.param(status(Phase.FAILED), {}, {"retry_refused": True}, Decision(Action.BEGIN), id="tried again on demand"),
    pytest.param(
        status(Phase.FAILED, lastAppliedSpec=OLD), {}, {}, Decision(Action.BEGIN), id="another one after a failure"
    ),
]
BEFORE_TRAFFIC = [
    pytest.param(stepping(-1, 0), {}, {}, Decision(Action.SCALE_UP), id="pods first"),
    pytest.param(
        stepping(-1, 0),
        {},
        {"scaled": True},
        Decision(Action.SHIFT, step=0, traffic=Traffic(10)),
        id="then the first step",
    ),
    pytest.param(
        stepping(-1, 0),
        {},
        {"scaled": True, "paused": True},
        Decision(Action.WAIT, "paused by a person"),
        id="a pause holds back the first step",
    ),
    pytest.param(
        stepping(-1, 0), {}, {"fault": "no pods"}, Decision(BACK, "no pods", outcome=Outcome.ROLLED_BACK), id="no pods"
    ),
    pytest.param(
        stepping(-1, 0),
        GATES,
        {},
        Decision(Action.ASK_GATE, point=POINTS["confirm-rollout"]),
        id="a gate before the pods",
    ),
    pytest.param(
        status(Phase.WAITING),
        GATES,
        {"gate_closed": Closed(POINTS["confirm-rollout"], "403")},
        Decision(Action.ASK_GATE, "403", point=POINTS["confirm-rollout"], another_interval=True),
        id="a closed confirm gate is asked again and never counts",
    ),
    pytest.param(
        stepping(-1, 0),
        GATES,
        {"gates_open": frozenset({"confirm-rollout"})},
        Decision(Action.SCALE_UP),
        id="pods after the confirm gate",
    ),
    pytest.param(
        stepping(-1, 0),
        GATES,
        {"gates_open": frozenset({"confirm-rollout"}), "scaled": True},
        Decision(Action.ASK_GATE, point=POINTS["pre-rollout"]),
        id="the end-to-end gate when the pods are ready",
    ),
    pytest.param(
        stepping(-1, 0),
        GATES,
        {
            "gates_open": frozenset({"confirm-rollout"}),
            "scaled": True,
            "gate_closed": Closed(POINTS["pre-rollout"], "500"),
        },
        Decision(Action.ASK_GATE, "500", point=POINTS["pre-rollout"], another_interval=True, failed_checks=1),
        id="its failure counts",
    ),
    pytest.param(
        stepping(-1, 0, failedChecks=1),
        GATES,
        {
            "gates_open": frozenset({"confirm-rollout"}),
            "scaled": True,
            "gate_closed": Closed(POINTS["pre-rollout"], "500"),
        },
        Decision(BACK, "gate pre-rollout did not open: 500", failed_checks=2, outcome=Outcome.ROLLED_BACK),
        id="and at the threshold takes the release back",
    ),
    pytest.param(
        stepping(-1, 0),
        GATES,
        {"gates_open": frozenset({"confirm-rollout", "pre-rollout"}), "scaled": True},
        Decision(Action.SHIFT, step=0, traffic=Traffic(10)),
        id="all gates open",
    ),
    pytest.param(stepping(-1, 0), {"skipAnalysis": True}, {}, Decision(Action.SCALE_UP), id="no analysis: pods first"),
    pytest.param(
        stepping(-1, 0), {"skipAnalysis": True}, {"scaled": True}, Decision(Action.PROMOTE), id="no analysis: promote"
    ),
    pytest.param(
        stepping(-1, 0),
        {"analysis": None, "skipAnalysis": True},
        {"scaled": True},
        Decision(Action.PROMOTE),
        id="none at all",
    ),
]
UNDER_WAY = [
    pytest.param(
        stepping(1, 30),
        {},
        {"weight": 30},
        Decision(Action.SCALE_UP, step=1, traffic=Traffic(30)),
        id="after a crash: pods are seen anew",
    ),
    pytest.param(
        stepping(1, 30),
        {},
        {"scaled": True, "weight": 10},
        Decision(Action.SHIFT, step=1, traffic=Traffic(30)),
        id="the route did not follow the journal yet",
    ),
    pytest.param(
        stepping(1, 30),
        {},
        {"scaled": True, "weight": 77},
        Decision(Action.SHIFT, step=1, traffic=Traffic(30)),
        id="somebody moved the route",
    ),
    pytest.param(
        stepping(1, 30),
        {},
        {"scaled": True, "weight": 30},
        Decision(Action.ANALYSE, step=1, traffic=Traffic(30)),
        id="judge the step",
    ),
    pytest.param(
        stepping(0, 10),
        {},
        {"scaled": True, "weight": 10, "check": PASS},
        Decision(Action.SHIFT, step=1, traffic=Traffic(30)),
        id="the next step",
    ),
    pytest.param(
        stepping(0, 10),
        {},
        {"scaled": True, "weight": 10, "check": PASS, "paused": True},
        Decision(Action.ANALYSE, "said pass", step=0, traffic=Traffic(10), another_interval=True),
        id="a pause holds the weight and goes on judging",
    ),
    *(
        pytest.param(
            stepping(0, 10),
            {},
            {"scaled": True, "weight": 10, "check": check},
            Decision(Action.ANALYSE, check.reason, step=0, traffic=Traffic(10), another_interval=True),
            id=f"{check.verdict} holds the step and counts nothing",
        )
        for check in (SILENT, DOWN, CONTINUE)
    ),
    pytest.param(
        stepping(0, 10),
        {},
        {"scaled": True, "weight": 10, "check": FAIL},
        Decision(Action.ANALYSE, "said fail", step=0, traffic=Traffic(10), another_interval=True, failed_checks=1),
        id="a failed check below the threshold",
    ),
    pytest.param(
        stepping(0, 10, failedChecks=1),
        {},
        {"scaled": True, "weight": 10, "check": FAIL},
        Decision(BACK, "said fail", failed_checks=2, outcome=Outcome.ROLLED_BACK),
        id="a failed check at the threshold",
    ),
    pytest.param(
        stepping(0, 10, failedChecks=1),
        {},
        {"scaled": True, "weight": 10, "check": FAIL, "paused": True},
        Decision(BACK, "said fail", failed_checks=2, outcome=Outcome.ROLLED_BACK),
        id="also while paused",
    ),
    pytest.param(
        stepping(2, 60),
        {},
        {"scaled": True, "weight": 60, "check": PASS},
        Decision(Action.PROMOTE, "said pass"),
        id="all steps passed",
    ),
    pytest.param(
        stepping(2, 60),
        GATES,
        {"scaled": True, "weight": 60, "check": PASS},
        Decision(Action.ASK_GATE, point=POINTS["confirm-promotion"], step=2, traffic=Traffic(60)),
        id="a gate before the promotion",
    ),
    pytest.param(
        stepping(2, 60),
        GATES,
        {"scaled": True, "weight": 60, "check": PASS, "gates_open": frozenset({"confirm-promotion"})},
        Decision(Action.PROMOTE, "said pass"),
        id="which is open",
    ),
    pytest.param(
        stepping(7, 60),
        {},
        {"scaled": True, "weight": 60},
        Decision(Action.ANALYSE, step=2, traffic=Traffic(60)),
        id="a user who took steps away: the last one",
    ),
]
BLUE_GREEN = {"analysis": {"stepWeights": [], "stepWeight": 0, "iterations": 3, "threshold": 2}}
WITHOUT_USERS = [
    pytest.param(
        stepping(-1, 0),
        BLUE_GREEN,
        {"scaled": True},
        Decision(Action.SHIFT, step=0),
        id="blue/green begins with a step of its own, though no user is moved",
    ),
    pytest.param(
        stepping(0, 0), BLUE_GREEN, {"scaled": True}, Decision(Action.ANALYSE), id="and is judged without users"
    ),
    pytest.param(
        stepping(0, 0, iterations=1),
        BLUE_GREEN,
        {"scaled": True, "check": PASS},
        Decision(Action.ANALYSE, "said pass", iterations=2, another_interval=True),
        id="interval by interval",
    ),
    pytest.param(
        stepping(0, 0, iterations=1),
        BLUE_GREEN,
        {"scaled": True, "check": FAIL},
        Decision(Action.ANALYSE, "said fail", iterations=1, another_interval=True, failed_checks=1),
        id="a failed one counts against the release, and not as passed",
    ),
    pytest.param(
        stepping(0, 0, iterations=1, failedChecks=1),
        BLUE_GREEN,
        {"scaled": True, "check": FAIL},
        Decision(BACK, "said fail", failed_checks=2, outcome=Outcome.ROLLED_BACK),
        id="and at the threshold rolls it back",
    ),
    pytest.param(
        stepping(0, 0, iterations=2),
        BLUE_GREEN,
        {"scaled": True, "check": PASS},
        Decision(Action.PROMOTE, "said pass"),
        id="then all users are switched",
    ),
    pytest.param(
        stepping(0, 0, iterations=1),
        BLUE_GREEN,
        {"scaled": True, "weight": 50},
        Decision(Action.SHIFT, iterations=1),
        id="somebody moved users to what is still tested",
    ),
]
AT_THE_END = [
    pytest.param(status(Phase.PROMOTING, canaryWeight=100), {}, {}, Decision(Action.PROMOTE), id="promoting goes on"),
    pytest.param(
        status(Phase.PROMOTING, canaryWeight=100),
        {},
        {"cancelled": True},
        Decision(Action.PROMOTE),
        id="a promotion that has begun is finished",
    ),
    pytest.param(
        status(Phase.PROMOTING, canaryWeight=100),
        {},
        {"cancelled": True, "stuck": "no node has room"},
        Decision(
            BACK,
            "cancelled by a person, for its promotion could not end: no node has room",
            outcome=Outcome.ROLLED_BACK,
        ),
        id="one that cannot end can be cancelled",
    ),
    pytest.param(
        status(Phase.PROMOTING, canaryWeight=100),
        {},
        {"broken": "not valid"},
        Decision(Action.PROMOTE),
        id="whatever becomes of its Canary",
    ),
    pytest.param(
        status(Phase.PROMOTING, canaryWeight=100),
        {},
        {"broken": "the target is gone", "revision": ""},
        Decision(BACK, "the target is gone", outcome=Outcome.ROLLED_BACK),
        id="unless there is nothing left to be copied",
    ),
    pytest.param(
        status(Phase.FINALISING),
        {},
        {"broken": "the target is gone", "revision": ""},
        FINISH,
        id="without a target too",
    ),
    pytest.param(status(Phase.FINALISING), {}, {}, FINISH, id="finalising goes on"),
    pytest.param(
        status(Phase.FINALISING, lastPromotedSpec=NEW),
        {"suspend": True},
        {"revision": "newest", "carries": "newest"},
        Decision(Action.FINALISE, "the target has moved on, and spec.suspend is set"),
        id="for a run that is gone, where its own revision is not to begin",
    ),
    pytest.param(
        status(Phase.FINALISING),
        {},
        {"cancelled": True},
        FINISH,
        id="whatever comes",
    ),
]
SUSPENDED = [
    pytest.param(
        stepping(-1, 0),
        {"suspend": True},
        {"scaled": True},
        Decision(Action.WAIT, "spec.suspend is set"),
        id="suspended before the first step",
    ),
    pytest.param(
        stepping(0, 10),
        {"suspend": True},
        {"scaled": True, "weight": 10, "check": PASS},
        Decision(Action.ANALYSE, "said pass", step=0, traffic=Traffic(10), another_interval=True),
        id="suspended in a step: judged on",
    ),
    pytest.param(
        stepping(0, 10, failedChecks=1),
        {"suspend": True},
        {"scaled": True, "weight": 10, "check": FAIL},
        Decision(BACK, "said fail", failed_checks=2, outcome=Outcome.ROLLED_BACK),
        id="and rolled back by bad news",
    ),
    pytest.param(
        stepping(0, 10),
        {"suspend": True, "skipAnalysis": True},
        {"scaled": True, "weight": 10},
        Decision(Action.WAIT, "spec.suspend is set"),
        id="also where nothing is analysed",
    ),
    pytest.param(
        None,
        {"suspend": True},
        {},
        Decision(Action.END, "spec.suspend is set", outcome=Outcome.SUSPENDED),
        id="suspended before anything was made",
    ),
    pytest.param(
        status(Phase.PROMOTING, canaryWeight=100), {"suspend": True}, {}, Decision(Action.PROMOTE), id="too late"
    ),
]
CUT_SHORT = [
    pytest.param(
        stepping(1, 30),
        {},
        {"revision": NEWER, "broken": "not valid", "weight": 30},
        Decision(BACK, "not valid", outcome=Outcome.ROLLED_BACK),
        id="what cannot be gone on with goes home, whatever was pushed",
    ),
    pytest.param(
        stepping(1, 30),
        {},
        {"scaled": True, "weight": 30, "cancelled": True},
        Decision(BACK, "cancelled by a person", outcome=Outcome.ROLLED_BACK),
        id="cancelled in a step",
    ),
    pytest.param(
        status(Phase.WAITING),
        {},
        {"cancelled": True},
        Decision(BACK, "cancelled by a person", outcome=Outcome.ROLLED_BACK),
        id="cancelled at a gate",
    ),
    pytest.param(
        stepping(1, 30, rollbackReason="50 % failed", failedChecks=2),
        {},
        {},
        Decision(BACK, "50 % failed", failed_checks=2, outcome=Outcome.ROLLED_BACK),
        id="a rollback that a crash interrupted goes on with its reason",
    ),
    pytest.param(
        stepping(1, 30, rollbackReason="50 % failed"),
        {},
        {"check": PASS, "scaled": True, "weight": 30},
        Decision(BACK, "50 % failed", outcome=Outcome.ROLLED_BACK),
        id="a rollback is never rolled back",
    ),
    pytest.param(
        stepping(1, 30),
        {},
        {"fault": "certain failure", "scaled": True, "weight": 30},
        Decision(BACK, "certain failure", outcome=Outcome.ROLLED_BACK),
        id="a certain failure waits for no threshold",
    ),
    pytest.param(
        stepping(1, 30),
        {},
        {"revision": NEWER, "weight": 30},
        Decision(Action.SUPERSEDE, "a newer revision came", outcome=Outcome.SUPERSEDED),
        id="a newer revision in a step",
    ),
    pytest.param(
        status(Phase.PROMOTING),
        {},
        {"revision": NEWER},
        Decision(Action.SUPERSEDE, "a newer revision came", outcome=Outcome.SUPERSEDED),
        id="a newer revision during the promotion",
    ),
    pytest.param(
        stepping(1, 30),
        {},
        {"revision": OLD, "weight": 30},
        Decision(Action.SUPERSEDE, "the target was put back to what is promoted", outcome=Outcome.REVERTED),
        id="put back to the promoted revision",
    ),
    pytest.param(
        stepping(1, 30),
        {},
        {"revision": NEWER, "carries": NEWER, "weight": 30},
        Decision(Action.BEGIN),
        id="a newer revision whose older run is gone",
    ),
    pytest.param(
        stepping(1, 30),
        {},
        {"revision": OLD, "carries": OLD, "weight": 30},
        Decision(Action.SUPERSEDE, "the target was put back to what is promoted", outcome=Outcome.REVERTED),
        id="put back while nobody carried it",
    ),
]


@pytest.mark.parametrize(
    ("status_", "spec", "facts", "expected"),
    [*AT_REST, *BEFORE_TRAFFIC, *UNDER_WAY, *WITHOUT_USERS, *AT_THE_END, *CUT_SHORT, *SUSPENDED],
)
def test_what_comes_next(
    status_: dict[str, Any] | None, spec: dict[str, Any], facts: dict[str, Any], expected: Decision
) -> None:
    """Each state of the journal and each observation have one next act."""
    assert decide(canary(spec, status_), seen(**facts)) == expected


@pytest.mark.parametrize("paused", [False, True], ids=["running", "paused"])
def test_a_suspended_canary_never_keeps_traffic_of_a_revision_that_nobody_carries(paused: bool) -> None:
    """A newer revision came, its older run is gone, and the Canary is suspended: its traffic still goes home."""
    decision = decide(
        canary({"suspend": True}, stepping(1, 30)), seen(revision=NEWER, carries=NEWER, weight=30, paused=paused)
    )
    assert decision.action is not Action.END
