"""The verdict on a step: which judge may end a release, and in what order they are heard. Pure; a task asks and acts.

1. The evidence, at every scrape: its FAIL ends the release, unless `analysis.earlyFail` is false.
2. A step whose interval is not over goes on, unless the evidence is sure of it; one that a person has paused always does.
3. A metrics provider that is away: nothing is known of the revision, and the weight stays. So it does where requests are
   missing from the canary's share (`missing.py`): what is counted is not what users met. Where the data plane says that it
   answered them with errors itself, the release is ended at once, whatever it waits for.
   One of which no scrape has come yet waits for it: what is known is of before.
4. A score against the baseline that is below `comparison.marginal`: it ends the release.
5. Flagger's check, that every metric is within its range: a failed check, but a hold where the primary fails alike. Where
   too little was measured it is `analysis.onNoData`'s to say, of the check and of the comparison; so it is of a good check
   where scrapes have stopped, for what is known is of before.
6. The comparison before a promotion: a score below `comparison.pass` is a failed check.
7. The gates, last, because asking them is an act: only a step that would pass asks for them.

A step that waits for longer than `progressDeadlineSeconds` after its interval fails the release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sluice.judge.baseline.score import Ruling, Score, graded
from sluice.judge.check import threshold_check, without_data
from sluice.judge.judgement import Judgement
from sluice.judge.policy import Policy
from sluice.judge.sequential import against, judgement_of
from sluice.judge.state import JudgeState
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.measures.objective import Objective
from sluice.measures.reading import Reading


class Ask(StrEnum):
    """What has to be known before there is a verdict."""

    SCRAPE = "scrape"
    """The next scrape: the step goes on, and nothing is to be said of it yet."""
    CHECK = "check"
    """The user's own queries, and where there is a baseline the score against it."""
    GATES = "gates"
    """The answers of the gates that are asked at the end of a step."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of a step at one moment of it.

    Attributes:
        evidence: what the evidence says, see `evidence_of`.
        over, extended: whether the step's interval has passed, and another one after it.
        given_up: whether the deadline after the interval has passed too.
        paused: whether a person holds the step.
        awaited: whether the step's first scrape has still to come, and is not late yet.
        blind: why nothing that is counted is of this step, where scrapes have stopped; empty where they have not.
        last: whether promotion comes next.
        missing: why the canary's counted requests are not what its users met; empty where nothing is missing.
        unserved: why users meet errors that no backend gives them; empty where nothing says so.
        provider_down: why something could not be read; empty where all could.
        windows: each counted metric over its window.
        queried: the user's own queries; None before they are asked.
        score: the canary against its baseline; None where it is not compared, or before it is asked for.
        closed: which gate is closed and why, empty where all are open; None before they are asked.
    """

    evidence: Judgement
    over: bool = False
    extended: bool = False
    given_up: bool = False
    paused: bool = False
    awaited: bool = False
    blind: str = ""
    last: bool = False
    provider_down: str = ""
    missing: str = ""
    unserved: str = ""
    windows: tuple[Reading, ...] = ()
    queried: tuple[Reading, ...] | None = None
    score: Score | None = None
    closed: str | None = None


class StepVerdict(NamedTuple):
    """The verdict on a step.

    Attributes:
        ends: whether the step ends with it; else the weight stays, and `judgement` says what for.
        fatal: whether it ends the release whatever the threshold says.
    """

    judgement: Judgement
    ends: bool = False
    fatal: bool = False


def evidence_of(
    state: JudgeState,
    objectives: Sequence[Objective],
    policy: Policy,
    analysis: CanaryAnalysis,
    provider_down: str = "",
) -> Judgement:
    """What the evidence says, as far as the manifest lets it speak: `pace: auto` lets it pass a step, and hold it."""
    # What a provider that is away has not said may have changed since: nothing passes by what was known before.
    if analysis.pace == "auto" and not provider_down:
        return judgement_of(state, objectives, policy)
    return against(state, objectives, policy) or Judgement(verdict=Verdict.CONTINUE, reason="")


def step_verdict(analysis: CanaryAnalysis, now: Moment) -> StepVerdict | Ask:
    """The verdict at one moment, or what has to be asked before there is one."""
    evidence = now.evidence
    if evidence.verdict is Verdict.FAIL:
        if analysis.early_fail:
            return StepVerdict(evidence, ends=True, fatal=True)
        evidence = evidence.model_copy(update={"verdict": Verdict.CONTINUE})
    if now.unserved:
        failed = Judgement(verdict=Verdict.FAIL, reason=now.unserved, readings=now.windows)
        return StepVerdict(failed, ends=True, fatal=True)
    if now.paused or not (now.over or evidence.verdict is Verdict.PASS):
        return Ask.SCRAPE
    checked = _checked(analysis, now, evidence)
    if isinstance(checked, Ask):
        return checked
    judgement, fatal = checked
    if judgement.verdict is Verdict.PASS or (judgement.verdict is Verdict.FAIL and (now.over or fatal)):
        return StepVerdict(judgement, ends=True, fatal=fatal)
    if now.given_up:
        late = {"verdict": Verdict.FAIL, "measured": False}
        return StepVerdict(judgement.model_copy(update=late), ends=True, fatal=True)
    return StepVerdict(judgement)


def _checked(analysis: CanaryAnalysis, now: Moment, evidence: Judgement) -> Ruling | Ask:
    """What a step that may end comes to: neither a provider's absence nor silence is the canary's failure."""
    if now.provider_down:
        return Ruling(Judgement(verdict=Verdict.PROVIDER_DOWN, reason=now.provider_down))
    if now.missing:
        return Ruling(Judgement(verdict=Verdict.HOLD, reason=now.missing, readings=now.windows))
    if now.awaited:
        return Ask.SCRAPE
    if now.queried is None:
        return Ask.CHECK
    readings = [*now.windows, *now.queried]
    check = threshold_check(readings, analysis.min_requests)
    if now.blind and check.verdict is Verdict.PASS:
        check = Judgement(verdict=Verdict.NO_DATA, reason=now.blind, readings=tuple(readings))
    check = without_data(check, analysis.on_no_data, now.extended)
    comparison = _compared(analysis, now, check.readings)
    if comparison.fatal:
        return comparison
    if check.verdict is Verdict.FAIL and evidence.verdict is Verdict.HOLD:
        return Ruling(evidence)
    if check.verdict is not Verdict.PASS:
        return Ruling(check)
    if comparison.judgement.verdict is not Verdict.PASS:
        return comparison
    if now.closed is None:
        return Ask.GATES
    if now.closed:
        return Ruling(Judgement(verdict=Verdict.FAIL, reason=now.closed, readings=check.readings))
    passed = evidence if evidence.verdict is Verdict.PASS else check
    reason = "; ".join(one for one in (passed.reason, comparison.judgement.reason) if one)
    return Ruling(passed.model_copy(update={"reason": reason, "readings": check.readings}))


def _compared(analysis: CanaryAnalysis, now: Moment, readings: tuple[Reading, ...]) -> Ruling:
    """What the score says; a silent pass where nothing is compared."""
    if analysis.comparison is None or now.score is None:
        return Ruling(Judgement(verdict=Verdict.PASS, reason=""))
    judgement, fatal = graded(now.score, analysis.comparison, last=now.last)
    judgement = judgement.model_copy(update={"readings": readings})
    return Ruling(without_data(judgement, analysis.on_no_data, now.extended), fatal)
