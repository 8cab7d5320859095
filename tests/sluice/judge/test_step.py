"""The verdict on a step: every row of the order in which the judges are heard, and what holds whatever they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.judge.baseline.score import Classification, Compared, Score
from sluice.judge.judgement import Judgement
from sluice.judge.policy import DEFAULT
from sluice.judge.step import Ask, Moment, StepVerdict, evidence_of, step_verdict
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.measures.reading import Reading
from tests.samples import canary, success_rate
from tests.sluice.judge.traffic import SUCCESS, Watch

FAIL, PASS, HOLD, NO_DATA, CONTINUE = (
    Verdict.FAIL,
    Verdict.PASS,
    Verdict.HOLD,
    Verdict.NO_DATA,
    Verdict.CONTINUE,
)


def analysis(**fields: Any) -> CanaryAnalysis:
    found = canary({"analysis": {"stepWeights": [10, 50], "metrics": [success_rate(99)], **fields}}).spec.analysis
    assert found is not None
    return found


PLAIN, COMPARED = analysis(), analysis(comparison={"pass": 95, "marginal": 75})


def said(verdict: Verdict, reason: str = "the evidence") -> Judgement:
    return Judgement(verdict=verdict, reason=reason)


def reading(value: float | None) -> Reading:
    within = value is None or value >= 99
    return Reading(metric="m", value=value, unit="%", bound="at least 99", within=within, requests=500 if value else 0)


def score(value: float, *, lacking: bool = False) -> Score:
    kind = Classification.NO_DATA if lacking else Classification.PASS
    return Score(value, (Compared(SUCCESS, kind, 20, 100.0, 100.0),))


GOOD, BAD, SILENT = (reading(100.0),), (reading(50.0),), (reading(None),)
DONE = Moment(said(CONTINUE), over=True, windows=GOOD, queried=(), closed="")
"""The end of a step of which nothing bad is known."""

ORDER: dict[str, tuple[CanaryAnalysis, Moment, Any]] = {
    "1 the evidence ends the release before the step is over": (
        PLAIN,
        Moment(said(FAIL)),
        (FAIL, True, True, "the evidence"),
    ),
    "1 it does so although a person holds the step": (PLAIN, Moment(said(FAIL), paused=True), (FAIL, True, True, None)),
    "1 and whatever else is known": (
        PLAIN,
        replace(DONE, evidence=said(FAIL), provider_down="away"),
        (FAIL, True, True, "the evidence"),
    ),
    "1 without earlyFail it waits for the check": (analysis(earlyFail=False), Moment(said(FAIL)), Ask.SCRAPE),
    "1 and then the check decides": (
        analysis(earlyFail=False),
        replace(DONE, evidence=said(FAIL), windows=BAD),
        (FAIL, True, False, "m 50"),
    ),
    "2 a step goes on until its interval is over": (PLAIN, replace(DONE, over=False), Ask.SCRAPE),
    "2 and while it is held by a person": (PLAIN, replace(DONE, paused=True), Ask.SCRAPE),
    "2 evidence that is sure ends it early": (
        PLAIN,
        replace(DONE, over=False, evidence=said(PASS, "sure")),
        (PASS, True, False, "sure"),
    ),
    "3 a provider that is away holds the step, and nobody is asked": (
        PLAIN,
        replace(DONE, queried=None, closed=None, provider_down="away", windows=BAD),
        (Verdict.PROVIDER_DOWN, False, False, "away"),
    ),
    "3 up to the deadline": (
        PLAIN,
        replace(DONE, provider_down="away", given_up=True),
        (FAIL, True, True, "away"),
    ),
    "4 the check asks for the user's own queries": (PLAIN, replace(DONE, queried=None), Ask.CHECK),
    "4 a score below marginal ends the release, also one that its windows pass": (
        COMPARED,
        replace(DONE, score=score(50)),
        (FAIL, True, True, "below 75"),
    ),
    "4 before the check has its say": (
        COMPARED,
        replace(DONE, score=score(50), windows=BAD),
        (FAIL, True, True, "below 75"),
    ),
    "4 in the middle of a step that is sure too": (
        COMPARED,
        replace(DONE, over=False, evidence=said(PASS), score=score(50)),
        (FAIL, True, True, None),
    ),
    "3 a step of which no scrape has come waits, and nobody is asked": (
        PLAIN,
        replace(DONE, awaited=True, queried=None),
        Ask.SCRAPE,
    ),
    "3 also where the evidence is sure": (PLAIN, replace(DONE, evidence=said(PASS), awaited=True), Ask.SCRAPE),
    "5 no scrape for too long is no data, however good the last one was": (
        PLAIN,
        replace(DONE, blind="no scrape has come for 9 s"),
        (NO_DATA, False, False, "no scrape has come for 9 s"),
    ),
    "5 which is onNoData's to say": (
        analysis(onNoData="fail"),
        replace(DONE, blind="no scrape has come for 9 s"),
        (FAIL, True, False, "no scrape"),
    ),
    "5 a window out of its range is a failed check": (PLAIN, replace(DONE, windows=BAD), (FAIL, True, False, "m 50")),
    "5 a query out of its range too": (PLAIN, replace(DONE, queried=BAD), (FAIL, True, False, "m 50")),
    "5 but before the step is over it only waits": (
        PLAIN,
        replace(DONE, over=False, evidence=said(PASS), queried=BAD),
        (FAIL, False, False, "m 50"),
    ),
    "5 what the primary suffers too holds the step instead": (
        PLAIN,
        replace(DONE, evidence=said(HOLD, "no better"), windows=BAD),
        (HOLD, False, False, "no better"),
    ),
    "5 a hold alone is in the way of nothing": (
        PLAIN,
        replace(DONE, evidence=said(HOLD)),
        (PASS, True, False, "m 100"),
    ),
    "5 silence holds the step": (PLAIN, replace(DONE, windows=SILENT), (NO_DATA, False, False, "nothing was measured")),
    "5 up to the deadline": (
        PLAIN,
        replace(DONE, windows=SILENT, given_up=True),
        (FAIL, True, True, "nothing was measured"),
    ),
    "5 onNoData makes it a failed check": (
        analysis(onNoData="fail"),
        replace(DONE, windows=SILENT),
        (FAIL, True, False, "onNoData: fail"),
    ),
    "5 or a pass": (analysis(onNoData="pass"), replace(DONE, windows=SILENT), (PASS, True, False, "onNoData: pass")),
    "5 or a pass one interval later": (
        analysis(onNoData="extend"),
        replace(DONE, windows=SILENT),
        (NO_DATA, False, False, None),
    ),
    "5 which then has come": (
        analysis(onNoData="extend"),
        replace(DONE, windows=SILENT, extended=True),
        (PASS, True, False, "onNoData: extend"),
    ),
    "6 too few samples to compare hold a step that its windows pass": (
        COMPARED,
        replace(DONE, score=score(100, lacking=True)),
        (NO_DATA, False, False, "samples to compare"),
    ),
    "6 a score below pass is enough in the middle of a release": (
        COMPARED,
        replace(DONE, score=score(80)),
        (PASS, True, False, "score 80"),
    ),
    "6 and a failed check before a promotion": (
        COMPARED,
        replace(DONE, score=score(80), last=True),
        (FAIL, True, False, "95 needed"),
    ),
    "7 gates are asked when all else passes": (PLAIN, replace(DONE, closed=None), Ask.GATES),
    "7 one that is closed is a failed check": (
        PLAIN,
        replace(DONE, closed="gate e2e: no"),
        (FAIL, True, False, "gate e2e"),
    ),
    "7 which only waits before the step is over": (
        PLAIN,
        replace(DONE, over=False, evidence=said(PASS), closed="gate e2e: no"),
        (FAIL, False, False, "gate e2e"),
    ),
    "7 what passes says what the check and the score say": (
        COMPARED,
        replace(DONE, score=score(100)),
        (PASS, True, False, "m 100 % (500 requests), objective at least 99; score 100"),
    ),
}


@pytest.mark.parametrize(("of", "now", "wanted"), ORDER.values(), ids=ORDER)
def test_the_order_in_which_the_judges_are_heard(of: CanaryAnalysis, now: Moment, wanted: Any) -> None:
    """Each row of the module's list: what is asked for, or the verdict, whether the step ends, and the release."""
    found = step_verdict(of, now)
    if isinstance(wanted, Ask):
        assert found is wanted
        return
    assert isinstance(found, StepVerdict)
    verdict, ends, fatal, reason = wanted
    assert (found.judgement.verdict, found.ends, found.fatal) == (verdict, ends, fatal)
    assert reason is None or reason in found.judgement.reason


def test_what_the_check_read_is_in_every_verdict_of_it() -> None:
    """The record of a step has its numbers, whichever judge spoke."""
    for now in (DONE, replace(DONE, windows=BAD), replace(DONE, closed="no"), replace(DONE, evidence=said(PASS))):
        found = step_verdict(PLAIN, now)
        assert isinstance(found, StepVerdict)
        assert found.judgement.readings == now.windows
    found = step_verdict(COMPARED, replace(DONE, score=score(50)))
    assert isinstance(found, StepVerdict)
    assert found.judgement.readings == GOOD


ANALYSES = st.builds(
    lambda early, silence, compared: analysis(
        earlyFail=early, onNoData=silence, **({"comparison": {}} if compared else {})
    ),
    st.booleans(),
    st.sampled_from(["hold", "extend", "fail", "pass"]),
    st.booleans(),
)
SIDES = st.sampled_from([(), GOOD, BAD, SILENT])
MOMENTS = st.builds(
    Moment,
    evidence=st.sampled_from([said(one) for one in (FAIL, PASS, HOLD, NO_DATA, CONTINUE)]),
    over=st.booleans(),
    extended=st.booleans(),
    given_up=st.booleans(),
    paused=st.booleans(),
    last=st.booleans(),
    provider_down=st.sampled_from(["", "", "away"]),
    windows=SIDES,
    queried=st.none() | SIDES,
    score=st.none() | st.builds(score, st.sampled_from([0.0, 80.0, 100.0]), lacking=st.booleans()),
    closed=st.none() | st.sampled_from(["", "gate e2e: no"]),
)


@given(of=ANALYSES, now=MOMENTS)
def test_overwhelming_evidence_always_wins_unless_the_manifest_says_otherwise(of: CanaryAnalysis, now: Moment) -> None:
    """Nothing that anybody else says, and nobody's pause, is in its way; and no pass comes from a FAIL of the evidence."""
    found = step_verdict(of, replace(now, evidence=said(FAIL)))
    if of.early_fail:
        assert found == StepVerdict(said(FAIL), ends=True, fatal=True)
    else:
        assert found == step_verdict(of, replace(now, evidence=said(CONTINUE)))


@given(of=ANALYSES, now=MOMENTS)
def test_a_provider_that_is_away_neither_passes_nor_fails(of: CanaryAnalysis, now: Moment) -> None:
    """Only the deadline ends such a step, and the evidence of before."""
    found = step_verdict(of, replace(now, provider_down="away"))
    if isinstance(found, StepVerdict) and not (now.evidence.verdict is FAIL and of.early_fail):
        assert found.judgement.verdict is (FAIL if now.given_up else Verdict.PROVIDER_DOWN)
        assert found.ends is found.fatal is now.given_up
    assert found not in {Ask.CHECK, Ask.GATES}


@given(of=ANALYSES, now=MOMENTS)
def test_gates_are_asked_for_by_a_step_that_passes_with_open_ones_only(of: CanaryAnalysis, now: Moment) -> None:
    """A call to a user's service is made when nothing else is in the way of a pass."""
    asked = step_verdict(of, replace(now, closed=None)) is Ask.GATES
    opened = step_verdict(of, replace(now, closed=""))
    passes = isinstance(opened, StepVerdict) and opened.judgement.verdict is PASS
    assert asked is passes


@given(of=ANALYSES, now=MOMENTS)
def test_a_step_that_ends_has_passed_or_failed_and_only_a_failure_is_fatal(of: CanaryAnalysis, now: Moment) -> None:
    """All else waits; and past its deadline nothing that was asked for in full waits."""
    found = step_verdict(of, now)
    if isinstance(found, Ask):
        return
    assert not found.ends or found.judgement.verdict in {PASS, FAIL}
    assert not found.fatal or (found.ends and found.judgement.verdict is FAIL)
    assert found.ends or not now.given_up
    assert found.fatal or not now.paused


@given(of=ANALYSES, now=MOMENTS)
def test_what_is_asked_is_asked_once(of: CanaryAnalysis, now: Moment) -> None:
    """An answer leads on: a task that answers what it is asked comes to a verdict, or to the next scrape."""
    asked = step_verdict(of, now)
    if asked is Ask.CHECK:
        asked = step_verdict(of, replace(now, queried=()))
        assert asked is not Ask.CHECK
    if asked is Ask.GATES:
        assert isinstance(step_verdict(of, replace(now, queried=now.queried or (), closed="")), StepVerdict)


def test_the_evidence_passes_a_step_with_pace_auto_only_and_not_by_what_was_known_before() -> None:
    """A provider that is away has not said what happened since: nothing passes, and what fails still does."""
    good, bad = Watch(), Watch()
    for _ in range(40):
        good.see((100, 0, 900, 0))
    for _ in range(4):
        bad.see((100, 50, 900, 0))
    of = {pace: analysis(pace=pace) for pace in ("auto", "interval")}

    def verdicts(watch: Watch) -> list[Verdict]:
        asked = (("auto", ""), ("auto", "away"), ("interval", ""))
        found = [evidence_of(watch.state, [SUCCESS], DEFAULT, of[pace], down) for pace, down in asked]
        return [one.verdict for one in found]

    assert verdicts(good) == [PASS, CONTINUE, CONTINUE]
    assert verdicts(bad) == [FAIL, FAIL, FAIL]


@pytest.mark.parametrize("of", [PLAIN, analysis(earlyFail=False), COMPARED], ids=["plain", "no early fail", "compared"])
@pytest.mark.parametrize("over", [True, False], ids=["over", "in the middle"])
@pytest.mark.parametrize("paused", [True, False], ids=["paused", "goes on"])
def test_requests_that_the_route_failed_and_no_backend_served_end_the_release_at_once(
    of: CanaryAnalysis, over: bool, paused: bool
) -> None:
    """Users meet errors at this moment: it waits for no interval, no deadline and no person. What is only missing holds."""
    moment = Moment(said(CONTINUE), over=over, paused=paused, missing="half is gone", windows=(reading(100.0),))
    ended = step_verdict(of, replace(moment, unserved="the data plane answered 30 requests with an error itself"))
    assert isinstance(ended, StepVerdict)
    assert (ended.ends, ended.fatal, ended.judgement.verdict) == (True, True, FAIL)
    assert ended.judgement.reason == "the data plane answered 30 requests with an error itself"
    held = step_verdict(of, moment)
    assert held is Ask.SCRAPE or (isinstance(held, StepVerdict) and held.judgement.verdict is HOLD and not held.ends)
