"""Weighted canary: the canary's share of the users grows step by step (`stepWeight`, `maxWeight`, `stepWeights`)."""

from __future__ import annotations

from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.rollout.strategies.base import Step, Traffic


class Weighted:
    """One step for each weight."""

    name = "canary"

    def chosen(self, analysis: CanaryAnalysis) -> bool:
        return bool(analysis.weights)

    def plan(self, analysis: CanaryAnalysis) -> tuple[Step, ...]:
        return tuple(Step(Traffic(canary=weight)) for weight in analysis.weights)
