"""What people read about a verdict."""

from __future__ import annotations

import re
from dataclasses import replace
from math import log

import pytest

from sluice.judge import sentences
from sluice.judge.judgement import wilson
from sluice.judge.policy import ALPHA, TIER
from sluice.judge.sequential import against as overwhelming
from sluice.judge.sequential import judgement_of
from sluice.judge.verdict import Verdict
from sluice.measures.counts import Counts
from tests.sluice.judge.traffic import DURATION, SUCCESS, Watch


def test_the_reason_of_a_fail_has_value_requests_objective_odds_and_the_primary() -> None:
    """A person can check it, and sees what would have been enough."""
    watch = Watch()
    watch.until(Verdict.FAIL, (100, 8, 1000, 1))
    judgement = judgement_of(watch.state.model_copy(update={"failed": ""}), watch.objectives)
    value, verdict = judgement.reason.split(": ", 1)
    counts = watch.state.metrics[SUCCESS.metric.name].seen
    good = counts.requests - counts.bad
    assert value == f"request-success-rate 92 % ({good} of {counts.requests} requests), objective 99 %"
    objective, primary = verdict.split(" and is worse than ")
    assert re.fullmatch(r"breaks the objective \(odds [\d,]+:1, 125 needed\)", objective)
    assert re.fullmatch(r"the primary at 99\.9 % \(odds [\d,]+:1, 1,000 needed\)", primary)


def test_without_a_primary_the_objective_alone_is_named() -> None:
    """No sentence about a primary that has had no requests, and the full odds are asked for."""
    watch = Watch()
    watch.until(Verdict.FAIL, (100, 50, 0, 0))
    assert "primary" not in watch.state.failed
    assert watch.state.failed.endswith(":1, 1,000 needed)")


def test_two_metrics_have_to_be_enough_on_average() -> None:
    """What is needed is asked of both together: no number is shown that one of them alone would have to reach."""
    watch = Watch(objectives=(SUCCESS, DURATION))
    while watch.see((20, 9, 180, 0), (100, 0, 900, 0)).verdict is not Verdict.FAIL:
        pass
    assert watch.state.failed.count(" needed on average over 2 metrics)") == 2


def test_a_hold_says_whether_the_primary_breaks_the_objective_too() -> None:
    """Where it does not the canary is only not shown to be worse, and a shared dependency is no guess worth making."""
    watch = Watch()
    list(watch.all([(100, 50, 900, 450)] * 20))
    held = watch.state
    assert held.held_since is not None
    metric = held.metrics[SUCCESS.metric.name]
    assert metric.recent is not None
    better = replace(metric, recent=replace(metric.recent, primary=Counts(900, 0)))
    recovered = held.model_copy(update={"metrics": {SUCCESS.metric.name: better}})
    assert sentences.held(SUCCESS, held, watch.policy, over=False).startswith("canary and primary both break")
    said = sentences.held(SUCCESS, recovered, watch.policy, over=False)
    assert said.startswith("the canary breaks the objective, but is not shown to be worse than the primary; ")
    assert said.endswith("; the primary is at 100 %")


def test_findings_hold_the_counts_the_evidence_and_an_interval() -> None:
    """Charts and tables need no sentence to be taken apart."""
    watch = Watch()
    list(watch.all([(100, 8, 1000, 1)] * 2))
    (finding,) = watch.findings()
    assert (finding.canary, finding.primary, finding.allowed) == (Counts(200, 16), Counts(2000, 2), 0.01)
    low, high = finding.interval
    assert 0.04 < low < 0.08 < high < 0.13
    assert finding.evidence > 0 > finding.assurance
    assert finding.control > 0


def test_the_interval_is_wilson_s() -> None:
    """Between 0 and 1 even where nothing or everything failed; known values from Wilson's formula."""
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 0) == (0.0, pytest.approx(0.2775, abs=1e-4))
    assert wilson(100, 50) == (pytest.approx(0.4038, abs=1e-4), pytest.approx(0.5962, abs=1e-4))


def test_overwhelming_is_the_judge_s_fail_and_nothing_else() -> None:
    """Who only asks for evidence is told of no silence and of no held step."""
    watch = Watch()
    list(watch.all([(0, 0, 0, 0)] * 20))
    assert overwhelming(watch.state, watch.objectives) is None
    watch.until(Verdict.FAIL, (20, 20, 180, 0))
    found = overwhelming(watch.state, watch.objectives)
    assert found is not None
    assert found.verdict is Verdict.FAIL
    assert log(1 / ALPHA / TIER) <= watch.state.metrics[SUCCESS.metric.name].log_wealth
