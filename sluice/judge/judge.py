"""The judge's two words on a release: the evidence's, at any scrape, and Flagger's threshold, at the end of a step.

The evidence (`sequential.py`) is carried over the whole release with one error budget, `ALPHA`. The threshold is what the
manifest's author knows: at the end of each interval the value of the metric's window is held against its range, and
`analysis.threshold` such failures take the release back.
"""

from __future__ import annotations

from sluice.judge.judgement import Judgement
from sluice.judge.policy import ALPHA
from sluice.judge.sequential import against as overwhelming
from sluice.judge.state import JudgeState
from sluice.judge.verdict import Reading, Verdict

__all__ = ["ALPHA", "JudgeState", "Judgement", "overwhelming", "threshold_check"]


def threshold_check(readings: list[Reading]) -> Judgement:
    """Flagger's check at the end of a step, except that no data is not bad data."""
    broken = [reading for reading in readings if not reading.within]
    silent = [reading for reading in readings if reading.value is None]
    if broken:
        return Judgement(
            verdict=Verdict.FAIL, reason="; ".join(str(reading) for reading in broken), readings=tuple(readings)
        )
    if silent:
        names = ", ".join(reading.metric for reading in silent)
        return Judgement(verdict=Verdict.NO_DATA, reason=f"nothing was measured for {names}", readings=tuple(readings))
    said = "; ".join(str(reading) for reading in readings) or "no metrics to judge by"
    return Judgement(verdict=Verdict.PASS, reason=said, readings=tuple(readings))
