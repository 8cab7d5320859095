"""Blue/green: the new revision is tested without users, then all of them are switched at once (`iterations`).

While it is tested its pods get what the `rollout` webhooks send them, and what is asked of `<service>-canary`.
"""

from __future__ import annotations

from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.rollout.strategies.base import HOME, Step


class BlueGreen:
    """One step without users, judged for as many intervals as `iterations` says."""

    name = "blue/green"

    def chosen(self, analysis: CanaryAnalysis) -> bool:
        return bool(analysis.iterations)

    def plan(self, analysis: CanaryAnalysis) -> tuple[Step, ...]:
        return (Step(HOME, repeat=analysis.iterations or 1),)
