"""A canary beside its baseline: what is raised with it, what its step comes to, and what is left when it is over."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sluice.errors import InvalidError, StaleError
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.comparison import AnalysisComparison
from sluice.replay.by_score import compared
from sluice.replay.recording import Recording
from sluice.rollout.decision import Outcome
from sluice.rollout.result import StepResult
from sluice.rollout.strategies.base import Traffic
from sluice.rollout.workloads.copies import BASELINE_OF
from tasks.rollout.analyse import analyse
from tasks.rollout.finalise import finalise
from tasks.rollout.roll_back import roll_back
from tasks.rollout.scale_up import scale_up
from tasks.rollout.shift_traffic import shift_traffic
from tasks.rollout.supersede import supersede
from tests.samples import NAME, deployment, merged, success_rate
from tests.tasks.conftest import NEW_IMAGE, OLD_IMAGE, Stage, staged
from tests.tasks.steps import over

COMPARISON: dict[str, Any] = {
    "analysis": {"stepWeights": [10, 30, 50], "metrics": [success_rate(99)], "comparison": {}, "earlyFail": False}
}
BASELINE = "shop-baseline"


def beside(spec: dict[str, Any] | None = None, replicas: int = 0, weight: int = 0, **status: Any) -> Stage:
    """A release that is compared, before its canary is scaled up."""
    return staged(merged(COMPARISON, spec or {}), weight=weight, replicas=replicas, **status)


def image(one: dict[str, Any]) -> str:
    return str(one["spec"]["template"]["spec"]["containers"][0]["image"])


def test_the_baseline_is_raised_with_the_canary(play: Any) -> None:
    """New pods of what the primary runs, as many as the canary's, a Service and a place in the route; no traffic yet."""
    stage = beside()
    assert play(stage, scale_up).scaled
    baseline = stage.now("Deployment", BASELINE)
    assert (image(baseline), image(stage.now("Deployment", NAME))) == (OLD_IMAGE, NEW_IMAGE)
    assert baseline["spec"]["replicas"] == stage.now("Deployment", NAME)["spec"]["replicas"] == 2
    assert baseline["spec"]["template"]["metadata"]["annotations"][BASELINE_OF] == stage.ref.revision
    assert stage.route.shares == {"shop-primary": 100, "shop-canary": 0, BASELINE: 0}


def test_raising_it_again_changes_nothing(play: Any) -> None:
    """A worker that goes on in the middle leaves its pods what they are."""
    stage = beside()
    play(stage, scale_up)
    before = list(stage.acts)
    play(stage, scale_up)
    assert stage.acts == before


def test_another_release_has_pods_of_its_own(play: Any) -> None:
    """Those of the last one are as old as the primary's by now; and the primary may run something else."""
    stage = beside()
    play(stage, scale_up)
    stage.change("Deployment", BASELINE, {"spec": {"template": {"metadata": {"annotations": {BASELINE_OF: "other"}}}}})
    primary = stage.now("Deployment", "shop-primary")
    (container,) = primary["spec"]["template"]["spec"]["containers"]
    containers = {"template": {"spec": {"containers": [{**container, "image": "registry/shop:promoted"}]}}}
    primary = merged(primary, {"spec": containers})
    stage.cluster.add(primary)
    play(stage, scale_up)
    baseline = stage.now("Deployment", BASELINE)
    assert image(baseline) == "registry/shop:promoted"
    assert baseline["spec"]["template"]["metadata"]["annotations"][BASELINE_OF] == stage.ref.revision


def test_a_baseline_that_never_becomes_ready_keeps_the_canary_from_users(play: Any) -> None:
    """What cannot be compared is not tried; the reason says whose pods they are, and why."""
    stage = beside({"progressDeadlineSeconds": 0.05})
    stage.cluster.broken_images.add(OLD_IMAGE)
    result = play(stage, scale_up)
    assert not result.scaled
    assert "the baseline is not ready after 0.05 s: pod shop-baseline-pod-0: Running, not ready" in result.fault


def test_somebody_else_s_deployment_is_not_taken_for_a_baseline(play: Any) -> None:
    """It is neither overwritten nor taken away; the message names it."""
    stage = beside()
    stage.cluster.add(deployment(name=BASELINE, replicas=3))
    with pytest.raises(InvalidError, match="Deployment shop-baseline is not Canary shop-test/shop's"):
        play(stage, scale_up)
    play(stage, roll_back, reason="no")
    assert stage.now("Deployment", BASELINE)["spec"]["replicas"] == 3


def test_no_traffic_comes_to_a_baseline_without_pods(play: Any) -> None:
    """Where the comparison was switched on since the last look, the shift waits for it; going home waits for nobody."""
    stage = beside(replicas=2)
    with pytest.raises(StaleError, match="shop-baseline has no pods"):
        play(stage, shift_traffic, step=0, traffic=Traffic(10))
    assert not any(act.startswith("shift") for act in stage.acts)
    play(stage, scale_up)
    play(stage, shift_traffic, step=0, traffic=Traffic(10))
    assert stage.route.shares == {"shop-primary": 80, "shop-canary": 10, BASELINE: 10}


def test_a_comparison_that_is_switched_on_in_the_middle_of_a_step_begins_there(play: Any) -> None:
    """The weight is what it was; the baseline has its share as soon as it can take it."""
    stage = beside(replicas=2, weight=30)
    play(stage, scale_up)
    assert stage.route.shares == {"shop-primary": 40, "shop-canary": 30, BASELINE: 30}


@pytest.mark.parametrize(
    ("act", "decided"),
    [
        (finalise, {}),
        (roll_back, {"reason": "no"}),
        (supersede, {"outcome": Outcome.REVERTED, "reason": "put back"}),
    ],
    ids=["finalise", "roll back", "revert"],
)
@pytest.mark.parametrize("asked", [True, False], ids=["compared", "no longer compared"])
def test_the_baseline_s_pods_go_when_the_traffic_is_at_home(
    play: Any, act: Any, decided: dict[str, Any], asked: bool
) -> None:
    """As the canary's, and also where the comparison was switched off meanwhile."""
    stage = beside()
    play(stage, scale_up)
    play(stage, shift_traffic, step=1, traffic=Traffic(30))
    phase = "Finalising" if act is finalise else "Progressing"
    stage.change("Canary", NAME, {"status": {"phase": phase}})
    if not asked:
        stage.change("Canary", NAME, {"spec": {"analysis": {"comparison": None}}})
    stage.acts.clear()
    play(stage, act, **decided)
    assert stage.now("Deployment", BASELINE)["spec"]["replicas"] == 0
    acts = [act for act in stage.acts if not act.startswith("journal")]
    assert acts == ["shift to 0", "patch Deployment shop with 0", "patch Deployment shop-baseline with 0"]


def test_who_takes_over_marks_the_baseline_too(play: Any, fence: Any) -> None:
    """What the one before still has on its way to it is refused."""
    stage = beside()
    play(stage, scale_up)
    stage.acts.clear()
    fence(stage)
    assert "patch Deployment shop-baseline with 2" in stage.acts


def last_step(spec: dict[str, Any] | None = None, seconds: float = 30, step: int = 2) -> Stage:
    """A step of a compared release at its end, so many seconds after the release began."""
    since = {"evidence": {"since": time.time() - seconds}}
    stage = over(merged(COMPARISON, spec or {}), step=step, weight=50)
    stage.change("Canary", NAME, {"status": since})
    return stage


def judged(play: Any, stage: Stage, step: int = 2) -> StepResult:
    result: StepResult = play(stage, analyse, step=step, traffic=Traffic(50)).step
    return result


def test_a_step_passes_with_the_comparison_s_word_beside_the_check_s(play: Any) -> None:
    """Both sentences are in the reason, and what it rests on is recorded: replayed, it says the same."""
    result = judged(play, last_step())
    assert result.judgement.verdict is Verdict.PASS
    check, score = result.judgement.reason.split("; ")
    assert check.startswith("request-success-rate 100 % (")
    assert check.endswith(" requests), objective 99 %")
    assert score.startswith(
        "score 100 of 100 against the baseline: request-success-rate 100 % good, the baseline 100 %"
    )
    (said,) = compared([Recording.unpacked(one) for one in result.recordings], AnalysisComparison())
    assert said.judgement.reason == score


def test_a_canary_that_is_worse_than_its_baseline_is_rolled_back_at_the_end_of_a_step(play: Any) -> None:
    """Although it keeps its objective, and whatever the threshold says; the primary is not asked."""
    stage = last_step({"analysis": {"threshold": 100, "metrics": [success_rate(40)]}})
    stage.metrics.fails, stage.metrics.primary_fails, stage.metrics.baseline_fails = 0.5, 0.5, 0.1
    result = judged(play, stage, 1)
    assert (result.fatal, result.judgement.verdict) == (True, Verdict.FAIL)
    assert result.judgement.reason.startswith("score 0 of 100 against the baseline: request-success-rate 50")
    assert [reading.metric for reading in result.judgement.readings] == ["request-success-rate"]


def test_both_failing_alike_is_the_check_s_to_judge(play: Any) -> None:
    """The comparison passes what is no worse; the bound is broken all the same."""
    stage = last_step()
    stage.metrics.fails = stage.metrics.baseline_fails = 0.5
    result = judged(play, stage)
    assert (result.fatal, result.judgement.verdict) == (False, Verdict.FAIL)
    assert "score" not in result.judgement.reason


def test_between_marginal_and_pass_the_last_step_has_a_failed_check_and_an_earlier_one_goes_on(play: Any) -> None:
    """Kayenta's marginal: not good enough to be promoted, not bad enough to be rolled back at once."""
    spec = {"analysis": {"metrics": [success_rate(40)], "comparison": {"pass": 1, "marginal": 0}}}
    for step, verdict in ((2, Verdict.FAIL), (1, Verdict.PASS)):
        stage = last_step(spec)
        stage.metrics.fails = 0.5
        result = judged(play, stage, step)
        assert (result.fatal, result.judgement.verdict) == (False, verdict)


@pytest.mark.parametrize(("policy", "verdict"), [("fail", Verdict.FAIL), ("pass", Verdict.PASS)])
def test_too_few_samples_are_what_on_no_data_says(play: Any, policy: str, verdict: Verdict) -> None:
    """Never the canary's fault by themselves."""
    result = judged(play, last_step({"analysis": {"onNoData": policy}}, seconds=5))
    assert (result.fatal, result.judgement.verdict) == (False, verdict)
    assert f"samples to compare, 8 are needed (onNoData: {policy})" in result.judgement.reason


def test_a_step_is_held_until_there_is_enough_to_compare(play: Any) -> None:
    """By default: a short first step lasts as long as it takes."""
    stage = last_step(seconds=9)
    result = judged(play, stage)
    assert result.judgement.verdict is Verdict.PASS
    assert "over 8 samples each" in result.judgement.reason
