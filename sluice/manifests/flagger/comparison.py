"""`spec.analysis.comparison` of a Canary: sluice's own, Flagger does not know it."""

from __future__ import annotations

from pydantic import Field, model_validator

from sluice.manifests.meta import ForeignModel

BASELINE_UP_TO = 50
"""Weight of the canary, percent, up to which a baseline can have as much."""


class AnalysisComparison(ForeignModel):
    """A judge next to the others: the canary is compared with a baseline, fresh pods of what the primary runs.

    The baseline has as many pods and as much traffic as the canary. At the end of each step each metric that is counted
    in requests is compared over the whole release, by the Mann-Whitney test; the score is the weight of those that are no
    worse, in percent of all weights, as in Kayenta.
    """

    pass_: float = Field(default=95.0, ge=0, le=100, alias="pass")
    """Score from which the release is promoted; below it the last step has a failed check."""
    marginal: float = Field(default=75.0, ge=0, le=100)
    """Score below which the release is rolled back, at the end of any step."""

    @model_validator(mode="after")
    def _ordered(self) -> AnalysisComparison:
        if self.marginal > self.pass_:
            raise ValueError(f"comparison.marginal is {self.marginal:g}, above comparison.pass, {self.pass_:g}")
        return self
