"""The journal: what a Canary's status says at each turn."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from sluice.errors import StaleError
from sluice.gates.points import POINTS
from sluice.judge.state import JudgeState
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.manifests.flagger.phase import IN_PROGRESS, Phase
from sluice.measures.counts import Counts
from sluice.measures.objective import Objective
from sluice.rollout.decide import decide
from sluice.rollout.decision import Action, Seen
from sluice.rollout.journal import beginning, entry, judge_state, timestamp
from sluice.rollout.phases import GOING, TRANSITIONS
from tests.samples import NAMESPACE, canary, canary_manifest, gate, merged, success_rate
from tests.sluice.judge.traffic import with_counts

NOW = 1_700_000_000.0
EVERY = [None, *Phase]


def at(phase: Phase | None, **fields: Any) -> Canary:
    return canary(status={"phase": phase, **fields})


def written(patch: dict[str, Any], before: dict[str, Any] | None = None, spec: dict[str, Any] | None = None) -> Canary:
    """The Canary after the patch, as the API server merges it."""
    return Canary.parse(merged(canary_manifest(spec, before), patch))


def promoted(patch: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in patch["status"]["conditions"] if one["type"] == "Promoted")


@pytest.mark.parametrize(("before", "after"), list(product(EVERY, Phase)))
def test_only_the_transitions_of_the_table_can_be_written(before: Phase | None, after: Phase) -> None:
    """A rollout that would jump between phases is stopped by the journal; staying and going are always allowed."""
    if after is before or after in TRANSITIONS[before] | GOING:
        assert entry(at(before), NOW, after)["status"]["phase"] == after
    else:
        with pytest.raises(StaleError, match="does not go from"):
            entry(at(before), NOW, after)


def test_every_phase_has_a_way_out_and_every_end_can_begin_anew() -> None:
    """No phase of the table is a trap, except that of an object that is gone."""
    assert set(TRANSITIONS) == set(EVERY)
    for phase in IN_PROGRESS - {Phase.INITIALIZING, Phase.FINALISING}:
        assert {Phase.FAILED, Phase.SUCCEEDED} <= TRANSITIONS[phase], (
            "it can be rolled back, and be put back by its user"
        )
    for phase in (Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED):
        assert Phase.PROGRESSING in TRANSITIONS[phase]


@pytest.mark.parametrize("phase", sorted(IN_PROGRESS - {Phase.INITIALIZING, Phase.PROMOTING, Phase.FINALISING}))
def test_a_release_whose_analysis_is_switched_off_is_promoted_wherever_it_waits(phase: Phase) -> None:
    """Also before a closed gate: what is decided can be written."""
    status = {"phase": phase, "lastPromotedSpec": "old", "lastAppliedSpec": "new"}
    now = canary({"skipAnalysis": True}, status)
    assert decide(now, Seen("new", carries="new", weight=0, scaled=True)).action is Action.PROMOTE
    assert entry(now, NOW, Phase.PROMOTING)["status"]["phase"] == Phase.PROMOTING


@pytest.mark.parametrize("phase", sorted(IN_PROGRESS - {Phase.INITIALIZING, Phase.PROMOTING, Phase.FINALISING}))
def test_a_release_that_begins_once_more_can_wait_for_its_first_gate_wherever_it_was(phase: Phase) -> None:
    """A newer revision had superseded it before a gate of its promotion, and its target was put back to it."""
    analysis = {"webhooks": [gate("confirm-rollout")]}
    status = {"phase": phase, "lastPromotedSpec": "old", "lastAppliedSpec": "new", "step": -1}
    now = canary({"analysis": analysis}, status)
    decision = decide(now, Seen("new", carries="new", weight=0))
    assert decision.point == POINTS["confirm-rollout"]
    assert entry(now, NOW, Phase.WAITING)["status"]["phase"] == Phase.WAITING


@pytest.mark.parametrize(
    ("phase", "status"),
    [(Phase.INITIALIZED, "True"), (Phase.SUCCEEDED, "True"), (Phase.FAILED, "False"), (Phase.PROGRESSING, "Unknown")],
)
def test_the_promoted_condition_says_the_phase(phase: Phase, status: str) -> None:
    """`kubectl wait --for=condition=Promoted` means what Flagger's users know; the reason is the phase."""
    condition = promoted(entry(at(phase), NOW, phase, "said"))
    assert (condition["status"], condition["reason"], condition["message"]) == (status, phase, "said")


def test_a_condition_s_transition_time_moves_only_with_its_status() -> None:
    """ "Unknown since" stays true through all phases of a release, and moves when the release ends."""
    first = written(beginning(at(Phase.SUCCEEDED), NOW, "r2", "2.0"), {"phase": Phase.SUCCEEDED})
    later = entry(first, NOW + 60, Phase.PROMOTING)
    assert promoted(later)["lastTransitionTime"] == timestamp(NOW)
    assert promoted(later)["lastUpdateTime"] == timestamp(NOW + 60)
    ended = entry(first, NOW + 90, Phase.FAILED)
    assert promoted(ended)["lastTransitionTime"] == timestamp(NOW + 90)


def test_conditions_of_others_are_kept() -> None:
    """Whoever else writes conditions does not lose them."""
    other = {"type": "Audited", "status": "True", "reason": "Fine"}
    patch = entry(at(Phase.PROGRESSING, conditions=[other]), NOW, Phase.PROMOTING)
    assert {"Audited", "Promoted"} == {one["type"] for one in patch["status"]["conditions"]}


def test_unsupported_fields_are_reported_by_name_and_the_report_goes_with_them() -> None:
    """A field that nobody obeys is named in a condition; when it is taken away, so is the condition."""
    spec = {"analysis": {"mirror": True}, "service": {"retries": {"attempts": 3}}}
    patch = entry(canary(spec, {"phase": Phase.PROGRESSING}), NOW, Phase.PROGRESSING)
    told = next(one for one in patch["status"]["conditions"] if one["type"] == "Supported")
    assert told["status"] == "False"
    assert "spec.analysis.mirror" in told["message"]
    assert "spec.service.retries" in told["message"]
    again = canary(None, {"phase": Phase.PROGRESSING, "conditions": patch["status"]["conditions"]})
    assert [one["type"] for one in entry(again, NOW, Phase.PROGRESSING)["status"]["conditions"]] == ["Promoted"]


@pytest.mark.parametrize(("namespace", "reported"), [("other", True), (NAMESPACE, False), ("", False)])
def test_a_namespace_that_nobody_looks_into_is_reported(namespace: str, reported: bool) -> None:
    """Target and autoscaler are sought next to the Canary: another namespace would be believed and not obeyed."""
    spec = {
        "targetRef": {"namespace": namespace},
        "autoscalerRef": {"kind": "HorizontalPodAutoscaler", "name": "shop", "namespace": namespace},
    }
    patch = entry(canary(spec, {"phase": Phase.PROGRESSING}), NOW, Phase.PROGRESSING)
    said = [one["message"] for one in patch["status"]["conditions"] if one["type"] == "Supported"]
    fields = "spec.autoscalerRef.namespace, spec.targetRef.namespace"
    assert said == ([f"sluice does not act on: {fields}"] if reported else [])
    assert list(canary(spec).unsupported()) == (["spec.targetRef.namespace", "spec.autoscalerRef.namespace"] * reported)


def test_a_beginning_carries_nothing_over() -> None:
    """Counts, step, weight, reasons and evidence of the last revision end with it."""
    objective = Objective.of(CanaryMetric.model_validate(success_rate()))
    old = with_counts(JudgeState(revision="r1", since=1.0), objective, Counts(requests=100, bad=50))
    before = {
        "phase": Phase.FAILED,
        "failedChecks": 5,
        "step": 2,
        "stepStarted": 9.0,
        "canaryWeight": 60,
        "rollbackReason": "bad",
        "lastPromotedSpec": "r0",
        "evidence": old.model_dump(mode="json"),
    }
    begun = written(beginning(canary(None, before), NOW, "r2", "2.0"), before)
    status = begun.status
    assert (status.failed_checks, status.step, status.step_started, status.canary_weight) == (0, -1, 0.0, 0)
    assert (status.rollback_reason, status.last_applied_spec, status.last_promoted_spec) == ("", "r2", "r0")
    assert judge_state(begun, "r2", NOW + 99) == JudgeState(revision="r2", since=NOW)


def test_evidence_of_the_same_revision_is_restored_and_of_another_one_is_not() -> None:
    """A worker that takes over goes on judging; nobody is judged by what another revision did."""
    objective = Objective.of(CanaryMetric.model_validate(success_rate()))
    memory = with_counts(JudgeState(revision="r1", since=12.5), objective, Counts(requests=100, bad=3))
    kept = canary(None, {"phase": Phase.PROGRESSING, "evidence": memory.model_dump(mode="json")})
    assert judge_state(kept, "r1", NOW) == memory
    assert judge_state(kept, "r2", NOW) == JudgeState(revision="r2", since=NOW)


def test_times_are_written_as_kubernetes_writes_them() -> None:
    """UTC, whole seconds, Z."""
    assert timestamp(0.9) == "1970-01-01T00:00:00Z"
