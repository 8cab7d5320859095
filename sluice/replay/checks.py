"""How a Canary's manifest has checks made: what Flagger's rule needs to know next to the counts."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from sluice.manifests.flagger.canary import CanaryAnalysis, NoData


class Checks(BaseModel):
    """Checks of each metric's window against its bound.

    Attributes:
        interval: seconds between two checks, from the beginning of the release on; None for one at the end of each step.
        threshold: failed checks that roll the release back.
        on_no_data: what a check comes to where nothing was measured; for Flagger it has failed.
        min_requests: requests in a metric's window below which nothing counts as measured.
    """

    model_config = ConfigDict(frozen=True)
    interval: float | None = Field(default=None, gt=0)
    threshold: int = Field(default=1, ge=1)
    on_no_data: NoData = "fail"
    min_requests: int = Field(default=1, ge=1)

    @classmethod
    def flaggers(cls, analysis: CanaryAnalysis) -> Checks:
        """As Flagger makes them: at every interval, and no data is a failed check where `onNoData` is not set."""
        said = analysis.on_no_data if "on_no_data" in analysis.model_fields_set else "fail"
        return cls(
            interval=analysis.interval,
            threshold=analysis.failures_allowed,
            on_no_data=said,
            min_requests=analysis.min_requests,
        )

    @classmethod
    def sluices(cls, analysis: CanaryAnalysis) -> Checks:
        """As a rollout makes them: at the end of each step."""
        return cls(
            threshold=analysis.failures_allowed,
            on_no_data=analysis.on_no_data,
            min_requests=analysis.min_requests,
        )
