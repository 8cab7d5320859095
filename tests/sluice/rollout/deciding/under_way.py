"""Rows of decisions: a revision is judged, with users or without."""

from __future__ import annotations

import pytest

from sluice.gates.points import POINTS, Closed
from sluice.rollout.decision import Action, Decision, Outcome
from sluice.rollout.strategies.base import Traffic
from tests.sluice.rollout.deciding.words import (
    BACK,
    CONTINUE,
    DOWN,
    FAIL,
    GATES,
    INCREASE,
    PASS,
    SILENT,
    stepping,
)

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
        stepping(1, 30),
        {},
        {"scaled": True, "weight": 30, "aborted": "aborted by alice: wrong"},
        Decision(BACK, "aborted by alice: wrong", outcome=Outcome.ROLLED_BACK),
        id="somebody aborts it",
    ),
    pytest.param(
        stepping(1, 30),
        {},
        {"scaled": True, "weight": 30, "ahead": "promoted ahead of its steps by bob"},
        Decision(Action.PROMOTE, "promoted ahead of its steps by bob"),
        id="somebody promotes it ahead of its steps",
    ),
    pytest.param(
        stepping(1, 30),
        {},
        {"scaled": True, "weight": 30, "ahead": "promoted ahead of its steps by bob", "held": "frozen"},
        Decision(Action.WAIT, "frozen"),
        id="but not out of a freeze",
    ),
    pytest.param(
        stepping(0, 10),
        {},
        {"scaled": True, "weight": 10, "check": PASS, "held": "frozen"},
        Decision(Action.ANALYSE, PASS.reason, step=0, traffic=Traffic(10), another_interval=True),
        id="a step that is held is judged on",
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
        stepping(0, 10),
        INCREASE,
        {"scaled": True, "weight": 10, "check": PASS},
        Decision(Action.ASK_GATE, point=POINTS["confirm-traffic-increase"], traffic=Traffic(10)),
        id="a gate before more users come",
    ),
    pytest.param(
        stepping(0, 10),
        INCREASE,
        {"scaled": True, "weight": 10, "check": PASS, "gate_closed": Closed(POINTS["confirm-traffic-increase"], "403")},
        Decision(Action.ASK_GATE, point=POINTS["confirm-traffic-increase"], traffic=Traffic(10), another_interval=True),
        id="which is closed: no failed check",
    ),
    pytest.param(
        stepping(0, 10),
        INCREASE,
        {"scaled": True, "weight": 10, "check": FAIL, "gate_closed": Closed(POINTS["confirm-traffic-increase"], "403")},
        Decision(Action.ANALYSE, "said fail", traffic=Traffic(10), another_interval=True, failed_checks=1),
        id="and the revision is judged meanwhile",
    ),
    pytest.param(
        stepping(2, 60),
        INCREASE,
        {"scaled": True, "weight": 60, "check": PASS},
        Decision(Action.ASK_GATE, point=POINTS["confirm-traffic-increase"], step=2, traffic=Traffic(60)),
        id="a promotion brings all users, and is the last increase",
    ),
    pytest.param(
        stepping(2, 60),
        INCREASE,
        {"scaled": True, "weight": 60, "check": PASS, "gates_open": frozenset({"confirm-traffic-increase"})},
        Decision(Action.ASK_GATE, point=POINTS["confirm-promotion"], step=2, traffic=Traffic(60)),
        id="before the gates of the promotion itself",
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
