"""Rows of decisions: nothing is under way, or no user has met the revision yet."""

from __future__ import annotations

import pytest

from sluice.gates.points import POINTS, Closed
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Action, Decision, Outcome
from sluice.rollout.strategies.base import Traffic
from tests.sluice.rollout.deciding.words import (
    BACK,
    GATES,
    MAKE,
    NEW,
    NEWER,
    OLD,
    ends,
    status,
    stepping,
)

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
        stepping(-1, 0),
        {},
        {"held": "frozen"},
        Decision(Action.WAIT, "frozen"),
        id="what is frozen gets no pods before its time",
    ),
    pytest.param(
        stepping(-1, 0),
        {},
        {"gated": frozenset({"confirm-rollout"})},
        Decision(Action.ASK_GATE, point=POINTS["confirm-rollout"]),
        id="a Gate is asked where no webhook is",
    ),
    pytest.param(
        stepping(-1, 0, failedChecks=1),
        GATES,
        {"scaled": True, "gate_closed": Closed(POINTS["pre-rollout"], "a suite runs", waits=True)},
        Decision(Action.ASK_GATE, "a suite runs", point=POINTS["pre-rollout"], another_interval=True, failed_checks=1),
        id="a Gate that is closed counts no failed checks",
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
