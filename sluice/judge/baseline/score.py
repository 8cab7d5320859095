"""The third judge: each metric of the canary against the baseline's, and the score that all of them come to.

The rules are Kayenta's (github.com/spinnaker/kayenta, `MannWhitneyClassifier.scala` and `WeightedSumScorer.scala`): a
metric is high or low where the whole confidence interval of the shift lies beyond a quarter of the shift itself; the
score is the weight of the metrics that pass, in percent; a critical metric that does not makes it 0. Two things are
different. A metric with too few samples is not left to fail or pass: it is no data. And each metric has a weight of its
own instead of a group's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sluice.judge.baseline.ranks import Shift, shift
from sluice.judge.baseline.samples import LEAST, Samples
from sluice.judge.judgement import Judgement
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.comparison import AnalysisComparison
from sluice.measures.objective import Objective

TOLERANCE = 0.25
"""Part of the estimated shift that the whole interval has to lie beyond, as Kayenta's."""


class Classification(StrEnum):
    """What the comparison says of one metric."""

    PASS = "pass"  # noqa: S105 - a classification, not a password
    """Nothing shows that the canary is worse."""
    HIGH = "high"
    """The canary's values lie above the baseline's, which its bound does not want."""
    LOW = "low"
    """They lie below, which its bound does not want."""
    NO_DATA = "no data"
    """Too few samples to compare: neither good nor bad."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric of the canary against the baseline's.

    Attributes:
        samples: of each.
        canary, baseline: mean of the good shares, percent; both 0 where there is no sample.
        shift: by how many points of a percent the canary's good share lies above; None where nothing was compared.
    """

    objective: Objective
    classification: Classification
    samples: int
    canary: float
    baseline: float
    shift: Shift | None = None

    @property
    def worse(self) -> bool:
        """Whether the metric fails."""
        return self.classification in {Classification.HIGH, Classification.LOW}

    def __str__(self) -> str:
        name = self.objective.metric.name
        if self.classification is Classification.NO_DATA:
            return f"{name} has {self.samples} samples to compare, {LEAST} are needed"
        said = f"{name} {self.canary:.4g} % good, the baseline {self.baseline:.4g} %, over {self.samples} samples each"
        if not self.worse or self.shift is None:
            return said
        critical = " and critical" if self.objective.metric.critical else ""
        apart = sorted((abs(self.shift.low), abs(self.shift.high)))
        pairs = 100 * (self.shift.effect if self.classification is Classification.HIGH else 1 - self.shift.effect)
        far = f"{apart[0]:.3g} to {apart[1]:.3g} points apart, in {pairs:.3g} % of all pairs"
        return f"{said}: {self.classification}{critical}, {far}"


@dataclass(frozen=True, slots=True)
class Score:
    """What all metrics come to.

    Attributes:
        value: 0 to 100; metrics without data count as passed, so that no data never rolls a release back.
        metrics: each of them.
    """

    value: float
    metrics: tuple[Compared, ...]

    @property
    def lacking(self) -> bool:
        """Whether a metric has too few samples."""
        return any(one.classification is Classification.NO_DATA for one in self.metrics)

    def __str__(self) -> str:
        # What failed comes first: it is what a person is woken for.
        worst_first = sorted(self.metrics, key=lambda one: not one.worse)
        return f"score {self.value:.3g} of 100 against the baseline: {'; '.join(str(one) for one in worst_first)}"


class Ruling(NamedTuple):
    """The comparison's verdict on a step that may end; `fatal` ends the release whatever the threshold says."""

    judgement: Judgement
    fatal: bool = False


def scored(objectives: Sequence[Objective], seen: Mapping[str, Samples]) -> Score:
    """The score of a release.

    Args:
        objectives: the counted metrics, one at least.
        seen: by metric, the samples of the whole release.
    """
    metrics = tuple(_compared(one, seen.get(one.metric.name, Samples())) for one in objectives)
    if any(one.worse and one.objective.metric.critical for one in metrics):
        return Score(0.0, metrics)
    passed = sum(one.objective.metric.weight for one in metrics if not one.worse)
    return Score(100 * passed / sum(one.objective.metric.weight for one in metrics), metrics)


def _compared(objective: Objective, seen: Samples) -> Compared:
    """One metric of the canary against the baseline's."""
    count = len(seen)
    means = (sum(seen.canary) / count, sum(seen.baseline) / count) if count else (0.0, 0.0)
    if count < LEAST:
        return Compared(objective, Classification.NO_DATA, count, *means)
    apart = shift(seen.canary, seen.baseline)
    return Compared(objective, _classified(objective, apart), count, *means, apart)


def _classified(objective: Objective, apart: Shift) -> Classification:
    tolerated = TOLERANCE * abs(apart.estimate)
    if apart.high < -tolerated:
        return Classification.LOW
    # One bound means that a good share can only be too low; a range is wanted on both sides.
    bounds = objective.metric.threshold_range
    either = bounds is not None and bounds.min is not None and bounds.max is not None
    return Classification.HIGH if either and apart.low > tolerated else Classification.PASS


def graded(score: Score, settings: AnalysisComparison, *, last: bool) -> Ruling:
    """What a step comes to by its score.

    Args:
        last: whether promotion comes next.
    """
    if score.value < settings.marginal:
        said = f"{score}; below {settings.marginal:g}"
        return Ruling(Judgement(verdict=Verdict.FAIL, reason=said), fatal=True)
    if score.lacking:
        return Ruling(Judgement(verdict=Verdict.NO_DATA, reason=str(score)))
    if last and score.value < settings.pass_:
        return Ruling(Judgement(verdict=Verdict.FAIL, reason=f"{score}; {settings.pass_:g} needed"))
    return Ruling(Judgement(verdict=Verdict.PASS, reason=str(score)))
