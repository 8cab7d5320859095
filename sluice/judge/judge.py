"""The first judge: fails on overwhelming evidence at any scrape, and on Flagger's threshold at the end of a step.

The evidence (`evidence.py`) is carried over the whole release with one error budget, `ALPHA`. The threshold is what the
manifest's author knows: at the end of each interval the value of the metric's window is held against its range, and
`analysis.threshold` such failures take the release back.
"""

from __future__ import annotations

from math import exp, log

from pydantic import BaseModel, ConfigDict

from sluice.judge.evidence import Evidence, together
from sluice.judge.objective import Counts, Objective
from sluice.judge.verdict import Reading, Verdict
from sluice.manifests.canary import NoData

ALPHA = 0.01
"""Bound on the chance that a release which keeps every objective is failed by the evidence, over all looks and steps."""
LEAST_BAD_BLOCKS, LEAST_BAD = 2, 3
"""One odd scrape or two odd requests never fail a release, whatever the evidence says."""


class Judgement(BaseModel):
    """A verdict with what it rests on; `reason` is the sentence a person reads."""

    model_config = ConfigDict(frozen=True)
    verdict: Verdict
    reason: str
    readings: tuple[Reading, ...] = ()


class MetricState(BaseModel):
    """What the judge remembers of one metric: the counts it has seen and the evidence from them."""

    model_config = ConfigDict(frozen=True)
    seen: Counts = Counts()
    evidence: Evidence


class JudgeState(BaseModel):
    """What the judge remembers of one release; kept in the Canary's status, restored bit for bit.

    Attributes:
        revision: whom the evidence is about.
        since: seconds since the epoch at which this revision first could get traffic: counts begin there.
        metrics: the state of each built-in metric by its name.
    """

    model_config = ConfigDict(frozen=True)
    revision: str
    since: float
    metrics: dict[str, MetricState] = {}

    def with_counts(self, objective: Objective, counts: Counts) -> JudgeState:
        """The state after a scrape; `counts` are those since `since`."""
        name = objective.metric.name
        state = self.metrics.get(name) or MetricState(evidence=Evidence.against(objective.allowed))
        block = counts.since(state.seen)
        metrics = {
            **self.metrics,
            name: MetricState(seen=counts, evidence=state.evidence.add(block.requests, block.bad)),
        }
        return self.model_copy(update={"metrics": metrics})

    def overwhelming(self, objectives: list[Objective]) -> Judgement | None:
        """FAIL where the evidence of all metrics together exceeds the error budget."""
        known = [state for name, state in self.metrics.items() if any(o.metric.name == name for o in objectives)]
        if not known or together([state.evidence for state in known]) < log(1 / ALPHA):
            return None
        worst = max(known, key=lambda state: state.evidence.log_wealth)
        if worst.evidence.bad_blocks < LEAST_BAD_BLOCKS or worst.evidence.bad < LEAST_BAD:
            return None
        readings = tuple(
            o.reading(self.metrics[o.metric.name].seen) for o in objectives if o.metric.name in self.metrics
        )
        worst_name = next(name for name, state in self.metrics.items() if state is worst)
        told = next(reading for reading in readings if reading.metric == worst_name)
        odds = min(exp(min(worst.evidence.log_wealth, 700.0)), 1e12)
        return Judgement(
            verdict=Verdict.FAIL,
            reason=f"{told}; {odds:,.0f} : 1 against the bound being kept",
            readings=readings,
        )


def threshold_check(readings: list[Reading], least: int = 1) -> Judgement:
    """Flagger's check at the end of a step, except that no data is not bad data.

    Args:
        least: requests below which nothing counts as measured, neither good nor bad.
    """
    silent = [one for one in readings if one.value is None or (one.requests is not None and one.requests < least)]
    broken = [one for one in readings if not one.within and one not in silent]
    if broken:
        return Judgement(
            verdict=Verdict.FAIL, reason="; ".join(str(reading) for reading in broken), readings=tuple(readings)
        )
    if silent:
        names = ", ".join(one.metric if one.value is None else f"{one} with less than {least}" for one in silent)
        return Judgement(verdict=Verdict.NO_DATA, reason=f"nothing was measured for {names}", readings=tuple(readings))
    said = "; ".join(str(reading) for reading in readings) or "no metrics to judge by"
    return Judgement(verdict=Verdict.PASS, reason=said, readings=tuple(readings))


def without_data(check: Judgement, policy: NoData, extended: bool) -> Judgement:
    """What a step comes to at whose end nothing was measured; any other word stays as it is.

    Args:
        policy: the manifest's `analysis.onNoData`.
        extended: whether the step was held for one more interval already.
    """
    if check.verdict is not Verdict.NO_DATA or policy == "hold" or (policy == "extend" and not extended):
        return check
    verdict = Verdict.FAIL if policy == "fail" else Verdict.PASS
    return check.model_copy(update={"verdict": verdict, "reason": f"{check.reason} (onNoData: {policy})"})
