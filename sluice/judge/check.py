"""Flagger's check at the end of a step: each metric's window against its range, and what becomes of missing data."""

from __future__ import annotations

from sluice.judge.judgement import Judgement
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary import NoData
from sluice.measures.reading import Reading


def threshold_check(readings: list[Reading], least: int = 1) -> Judgement:
    """Flagger's check at the end of a step, except that no data is not bad data.

    Args:
        least: requests below which nothing counts as measured, neither good nor bad.
    """
    silent = [one for one in readings if not one.refused and _is_silent(one, least)]
    broken = [one for one in readings if not one.within and one not in silent]
    if broken:
        said = "; ".join(str(reading) for reading in broken)
        measured = any(reading.value is not None for reading in broken)
        return Judgement(verdict=Verdict.FAIL, reason=said, readings=tuple(readings), measured=measured)
    if silent:
        names = ", ".join(
            f"{one.metric} ({one.requests} requests, {least} needed)"
            if one.value is not None
            else f"{one.metric}{one.missing and f' ({one.missing})'}"
            for one in silent
        )
        return Judgement(verdict=Verdict.NO_DATA, reason=f"nothing was measured for {names}", readings=tuple(readings))
    said = "; ".join(str(reading) for reading in readings) or "no metrics to judge by"
    return Judgement(verdict=Verdict.PASS, reason=said, readings=tuple(readings))


def _is_silent(reading: Reading, least: int) -> bool:
    return reading.value is None or (reading.requests is not None and reading.requests < least)


def without_data(check: Judgement, policy: NoData, extended: bool) -> Judgement:
    """What a step comes to at whose end nothing was measured; any other verdict stays as it is.

    Args:
        policy: the manifest's `analysis.onNoData`.
        extended: whether the step was held for one more interval already.
    """
    if check.verdict is not Verdict.NO_DATA or policy == "hold" or (policy == "extend" and not extended):
        return check
    verdict = Verdict.FAIL if policy == "fail" else Verdict.PASS
    return check.model_copy(update={"verdict": verdict, "reason": f"{check.reason} (onNoData: {policy})"})
