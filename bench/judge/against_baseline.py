"""What the comparison with a baseline is worth: good releases that it rolls back, and bad ones that it sees.

`python -m bench.judge.against_baseline [RELEASES]` writes the table of decision 8: releases of ten steps of a minute, one
metric, a scrape every two seconds, as much traffic to the baseline as to the canary, requests that fail independently.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from statistics import median

import numpy as np

from sluice.judge.baseline.samples import samples
from sluice.judge.baseline.score import graded, scored
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.manifests.flagger.comparison import AnalysisComparison
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective

STEPS, STEP_S, PERIOD = 10, 60, 2
OBJECTIVE = Objective.of(CanaryMetric.model_validate({"name": "request-success-rate", "thresholdRange": {"min": 99}}))
SETTINGS = AnalysisComparison()


@dataclass(frozen=True, slots=True)
class Case:
    """Requests a second of each half, and the share of them that fails."""

    rps: int
    canary: float
    baseline: float


CASES = [
    Case(rps, canary, baseline)
    for canary, baseline in ((0.001, 0.001), (0.005, 0.005), (0.05, 0.05), (0.01, 0.005), (0.02, 0.001), (0.05, 0.001))
    for rps in (1, 10, 100)
]


def rolled_back(case: Case, dice: np.random.Generator) -> int | None:
    """Second at which one release is rolled back, None where it is not."""
    blocks = STEPS * STEP_S // PERIOD
    requests = dice.poisson(case.rps * PERIOD, (2, blocks))
    bad = dice.binomial(requests, [[case.canary], [case.baseline]])
    seen = np.cumsum([requests, bad], axis=2).tolist()
    moments = [
        (PERIOD * (at + 1.0), Sides(*(Counts(seen[0][half][at], seen[1][half][at]) for half in (0, 1))))
        for at in range(blocks)
    ]
    for step in range(1, STEPS + 1):
        score = scored([OBJECTIVE], {OBJECTIVE.metric.name: samples(moments[: step * STEP_S // PERIOD])})
        if graded(score, SETTINGS, last=step == STEPS).judgement.verdict is Verdict.FAIL:
            return step * STEP_S
    return None


def main(releases: int = 1000) -> None:
    """Print the table."""
    dice = np.random.default_rng(8)
    for case in CASES:
        ends = [end for _ in range(releases) if (end := rolled_back(case, dice)) is not None]
        after = f"{median(ends):.0f} s" if ends else ""
        share = f"{100 * len(ends) / releases:.1f} %"
        print(f"| {case.rps} | {100 * case.canary:g} % | {100 * case.baseline:g} % | {share} | {after} |", flush=True)


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:2]))
