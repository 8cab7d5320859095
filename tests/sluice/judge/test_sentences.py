"""What people read about a verdict."""

from __future__ import annotations

from math import log

import pytest

from sluice.judge.check import overwhelming
from sluice.judge.judgement import wilson
from sluice.judge.policy import ALPHA, TIER
from sluice.judge.sequential import word
from sluice.judge.verdict import Verdict
from sluice.measures.counts import Counts
from tests.sluice.judge.traffic import SUCCESS, Watch


def test_the_reason_of_a_fail_tells_value_requests_bound_odds_and_the_primary() -> None:
    """A person can check it: `92 % over 400 requests (at least 99 % good); 590 : 1 …; the primary had 99.9 %, …`."""
    watch = Watch()
    watch.until(Verdict.FAIL, (100, 8, 1000, 1))
    judgement = word(watch.state.model_copy(update={"failed": ""}), watch.objectives)
    value, odds, primary = judgement.reason.split("; ")
    assert value.startswith("request-success-rate 92 % over ")
    assert value.endswith(" requests (at least 99 % good)")
    assert odds.endswith(" : 1 against the bound being kept")
    assert primary.startswith("the primary had 99.9 %, ")
    assert primary.endswith(" : 1 against the canary being no worse")


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
