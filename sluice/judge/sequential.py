"""The sequential judge: after every scrape one of FAIL, HOLD, NO_DATA, PASS and CONTINUE, valid whenever one looks.

`observe` adds what a look at the metrics gave to the judge's memory; `judgement_of` reads the verdict from that memory
alone. Both are pure: a worker that takes over from the journal judges as the one that died would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sluice.judge import sentences
from sluice.judge.bets.assurance import Assurance
from sluice.judge.judgement import Finding, Judgement, wilson
from sluice.judge.policy import DEFAULT, Policy
from sluice.judge.rule import failing, shared
from sluice.judge.silence import heard, is_fatal, silence
from sluice.judge.state import JudgeState, MetricState
from sluice.judge.verdict import Verdict
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective
from sluice.measures.reading import Reading


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the metrics gave; all times are seconds since the epoch by the provider's clock.

    Attributes:
        now: when it was.
        newest: time of the newest sample; 0 where there is none.
        weight: the canary's share of the traffic, percent; None where it is not known.
        step_started: when the step under way began; another value is another step.
        scrapes: by metric, the counts since the release began at each scrape that is new, oldest first.
        recent: by metric, the counts of the last minute (`policy.RECENT`).
        against_baseline: as `scrapes`, of the canary and its baseline, which stands as the primary there; empty where
            there is none.
    """

    now: float
    newest: float = 0.0
    weight: int | None = None
    step_started: float = 0.0
    scrapes: Mapping[str, Sequence[tuple[float, Sides]]] = field(default_factory=dict)
    recent: Mapping[str, Sides] = field(default_factory=dict)
    against_baseline: Mapping[str, Sequence[tuple[float, Sides]]] = field(default_factory=dict)


def judge(
    state: JudgeState, objectives: Sequence[Objective], look: Look, policy: Policy = DEFAULT
) -> tuple[JudgeState, Judgement]:
    """The memory after a look and the verdict on it. A FAIL stands, whatever comes after it."""
    state = observe(state, objectives, look, policy)
    judgement = judgement_of(state, objectives, policy)
    if judgement.verdict is Verdict.FAIL and not state.failed:
        state = state.model_copy(update={"failed": judgement.reason})
    return state, judgement


def observe(state: JudgeState, objectives: Sequence[Objective], look: Look, policy: Policy = DEFAULT) -> JudgeState:
    """The memory after a look."""
    new_step = look.step_started != state.step_started
    names = [objective.metric.name for objective in objectives]
    metrics = dict(state.metrics)
    for objective, name in zip(objectives, names, strict=True):
        metric = metrics.get(name) or MetricState.of(objective, policy)
        if new_step:
            metric = replace(metric, assurance=Assurance())
        recent = look.recent.get(name)
        for at, sides in look.scrapes.get(name, ()):
            metric = metric.after(sides.canary, sides.primary, at, policy, recent)
        metrics[name] = metric if recent is metric.recent else replace(metric, recent=recent)
    now = state.model_copy(
        update={
            "metrics": metrics,
            "looked": look.now,
            "newest": max(look.newest, state.newest),
            "weight": look.weight,
            "step_started": look.step_started,
            "heard": heard(state, metrics, look.now, look.weight),
        }
    )
    return _held(now, names, policy)


def _held(state: JudgeState, names: Sequence[str], policy: Policy) -> JudgeState:
    """The state with the clock of a hold started, left running, or stopped."""
    troubled = bool(shared(state, names, policy))
    if troubled is (state.held_since is not None) or failing(state, names, policy):
        return state
    if troubled:
        return state.model_copy(update={"held_since": state.looked})
    # What both sides went through says nothing for this step: it has to prove itself from the start.
    fresh = {name: replace(metric, assurance=Assurance()) for name, metric in state.metrics.items()}
    return state.model_copy(update={"held_since": None, "metrics": fresh})


def judgement_of(state: JudgeState, objectives: Sequence[Objective], policy: Policy = DEFAULT) -> Judgement:
    """The verdict that the memory holds."""
    verdict, reason, kind = Verdict.CONTINUE, "", None
    fail = against(state, objectives, policy)
    missing = silence(state, policy) if objectives else None
    if fail is not None:
        return fail
    if missing is not None:
        kind, seconds = missing
        verdict, reason = Verdict.NO_DATA, sentences.silent(kind, seconds)
        if is_fatal(kind, seconds, policy):
            verdict = Verdict.FAIL
    if state.held_since is not None and verdict is not Verdict.FAIL:
        culprit = _of(objectives, shared(state, [one.metric.name for one in objectives], policy))
        kind, verdict = None, Verdict.HOLD
        reason = (
            sentences.held(culprit, state, policy, over=False) if culprit else "the canary fails as the primary does"
        )
    readings = _readings(state, objectives)
    if verdict is Verdict.CONTINUE:
        verdict, reason = _assured(state, objectives, readings, policy)
    # Most looks find nothing to act on, and nobody asks what those rest on.
    found = () if verdict is Verdict.CONTINUE else findings(state, objectives, policy)
    return Judgement(verdict=verdict, reason=reason, silence=kind, readings=readings, findings=found)


def against(state: JudgeState, objectives: Sequence[Objective], policy: Policy = DEFAULT) -> Judgement | None:
    """FAIL where the evidence of all metrics together exceeds the error budget and the primary is no excuse."""
    if state.failed:
        return _failed(state.failed, state, objectives, policy)
    names = [objective.metric.name for objective in objectives]
    culprit = _of(objectives, failing(state, names, policy))
    if culprit is not None:
        return _failed(sentences.against(culprit, state, policy, len(objectives)), state, objectives, policy)
    if state.held_since is None or state.looked - state.held_since < policy.common_mode_timeout:
        return None
    culprit = _of(objectives, shared(state, names, policy))
    if culprit is None:
        return None
    return _failed(sentences.held(culprit, state, policy, over=True), state, objectives, policy)


def _assured(
    state: JudgeState, objectives: Sequence[Objective], readings: Sequence[Reading], policy: Policy
) -> tuple[Verdict, str]:
    """PASS where every metric has shown in this step that it keeps its objective, and CONTINUE with what is lacking."""
    if not objectives:
        return Verdict.CONTINUE, "no counted metrics to judge by"
    said = list(map(str, readings))
    known, asked = len(said), sentences.odds(policy.pass_at)
    for objective in objectives:
        name = objective.metric.name
        metric = state.metrics.get(name)
        if metric is None or metric.assurance.blocks < policy.least_blocks:
            said.append(f"{name} has had requests in too few scrapes of this step")
        elif (shown := _assurance(metric, policy)) < policy.pass_at:
            said.append(f"{name} keeps its objective by odds of {sentences.odds(shown)}, {asked} needed")
    if state.looked - state.step_started < policy.least_step:
        said.append(f"a step lasts {policy.least_step:g} s at least")
    return (Verdict.CONTINUE if len(said) > known else Verdict.PASS), "; ".join(said)


def _assurance(metric: MetricState, policy: Policy) -> float:
    # Any effect of 1 or more is valid, even one that is read off the same blocks: E at the effect D is at most E^(1/D) at 1.
    effect = policy.design_effect if metric.single is None else metric.single.spread
    if metric.gauge:
        effect = 1.0  # a look is a block: nothing fails together within it
    return metric.assurance.log_wealth(metric.evidence.allowed * (1 + policy.margin), effect)


def _of(objectives: Sequence[Objective], name: str) -> Objective | None:
    return next((objective for objective in objectives if objective.metric.name == name), None)


def _failed(reason: str, state: JudgeState, objectives: Sequence[Objective], policy: Policy) -> Judgement:
    readings, found = _readings(state, objectives), findings(state, objectives, policy)
    return Judgement(verdict=Verdict.FAIL, reason=reason, readings=readings, findings=found, measured=True)


def _readings(state: JudgeState, objectives: Sequence[Objective]) -> tuple[Reading, ...]:
    """The canary's counts since the release began, as people read them."""
    metrics = state.metrics
    seen = [metrics[one.metric.name].seen if one.metric.name in metrics else Counts() for one in objectives]
    return tuple([one.reading(counts) for one, counts in zip(objectives, seen, strict=True)])


def findings(state: JudgeState, objectives: Sequence[Objective], policy: Policy = DEFAULT) -> tuple[Finding, ...]:
    """What is known of each counted metric, whatever the verdict is."""
    known = [(one, state.metrics[one.metric.name]) for one in objectives if one.metric.name in state.metrics]
    return tuple(_finding(objective, metric, policy) for objective, metric in known)


def _finding(objective: Objective, metric: MetricState, policy: Policy) -> Finding:
    return Finding(
        metric=objective.metric.name,
        allowed=objective.allowed,
        canary=metric.seen,
        primary=metric.primary or Counts(),
        interval=wilson(metric.seen.requests, metric.seen.bad),
        evidence=metric.log_wealth,
        control=metric.control.log_wealth,
        assurance=_assurance(metric, policy),
    )
