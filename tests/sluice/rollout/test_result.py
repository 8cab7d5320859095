"""What a run knows after a stage: what the stage says, and of all else what it knew before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluice.gates.points import POINTS, Closed
from sluice.judge.judgement import Judgement
from sluice.judge.verdict import Verdict
from sluice.rollout.decision import Seen
from sluice.rollout.result import StageResult, StepResult, after

PASSED = Judgement(verdict=Verdict.PASS, reason="kept")
CLOSED = Closed(POINTS["pre-rollout"], "403")
KNOWN = Seen(
    "rev",
    carries="rev",
    scaled=True,
    gates_open=frozenset({"confirm-rollout"}),
    gate_closed=CLOSED,
    check=PASSED,
    retry_refused=True,
)


def step(verdict: Verdict, *, fatal: bool = False) -> StepResult:
    return StepResult(step=0, weight=10, judgement=Judgement(verdict=verdict, reason=f"said {verdict}"), fatal=fatal)


def test_a_stage_that_says_nothing_changes_nothing() -> None:
    """Shifting home, promoting and the like are seen in the cluster at the next look."""
    assert after(KNOWN, StageResult()) == KNOWN


@pytest.mark.parametrize(
    ("result", "changes"),
    [
        pytest.param(StageResult(began=True), {"retry_refused": False}, id="what was asked for once is done once"),
        pytest.param(StageResult(scaled=False), {"scaled": False}, id="pods that are not ready"),
        pytest.param(
            StageResult(opened="pre-rollout"),
            {"gates_open": frozenset({"confirm-rollout", "pre-rollout"}), "gate_closed": None},
            id="an open gate stays open, and nothing is closed any more",
        ),
        pytest.param(
            StageResult(opened="confirm-traffic-increase"),
            {"gates_open": frozenset({"confirm-rollout", "confirm-traffic-increase"}), "gate_closed": None},
            id="a gate of one increase opens",
        ),
        pytest.param(StageResult(closed=CLOSED, unjudged=True), {"check": None}, id="a gate that makes verdicts old"),
        pytest.param(StageResult(unjudged=True), {"check": None}, id="another weight is judged anew"),
        pytest.param(
            StageResult(step=step(Verdict.FAIL)), {"check": step(Verdict.FAIL).judgement}, id="a failed check counts"
        ),
        pytest.param(
            StageResult(step=step(Verdict.FAIL, fatal=True)),
            {"check": step(Verdict.FAIL).judgement, "fault": "said fail"},
            id="a fatal one waits for no threshold",
        ),
    ],
)
def test_what_a_stage_says_is_known(result: StageResult, changes: dict[str, object]) -> None:
    """And nothing else moves."""
    assert after(KNOWN, result) == replace(KNOWN, **changes)  # type: ignore[arg-type]


def test_a_fault_is_not_forgotten() -> None:
    """A revision that cannot go on does not become sound because a later stage went well."""
    faulty = after(KNOWN, StageResult(fault="no pods"))
    assert after(faulty, StageResult(scaled=True, step=step(Verdict.PASS))).fault == "no pods"


def test_a_gate_of_one_increase_is_closed_again_once_the_traffic_has_changed() -> None:
    """The next increase is another question; the other gates stay open."""
    opened = after(KNOWN, StageResult(opened="confirm-traffic-increase"))
    assert after(opened, StageResult(shifted=True)).gates_open == frozenset({"confirm-rollout"})
