"""Rows of decisions: a release comes to its end, is suspended, or is cut short."""

from __future__ import annotations

import pytest

from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Action, Decision, Outcome
from sluice.rollout.strategies.base import Traffic
from tests.sluice.rollout.deciding.words import (
    BACK,
    FAIL,
    FINISH,
    NEW,
    NEWER,
    OLD,
    PASS,
    status,
    stepping,
)

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
