"""Record: leave the rollout's chart, the table of its verdicts and what they were given on in Prefect, for later.

Prefect is display, not truth: where it is away, the record is missing and the rollout is not.
"""

from __future__ import annotations

import base64

from prefect.artifacts import Artifact, acreate_image_artifact, acreate_table_artifact

from blocks.prefect.recordings import RECORDING, artifact_key, recording_key
from sluice.charts.rollout import Moment, chart
from sluice.judge.sentences import odds
from sluice.replay.recording import Release
from sluice.rollout.result import StepResult
from tasks.scene.rollout_ref import RolloutRef
from tasks.stage import stage


@stage("record", run_name="record {ref}", delays=[1.0, 4.0])
async def record(ref: RolloutRef, outcome: str, reason: str, steps: list[StepResult], ended: float) -> None:
    """Write the three artifacts of this run.

    Args:
        ref: the rollout.
        outcome: how it ended.
        reason: why.
        steps: what each judged step came to, in order.
        ended: when the traffic was home, seconds since the epoch.
    """
    points = [point for step in steps for point in step.points]
    began = points[0].at if points else ended
    moments = [Moment(0.0, 0.0), *(Moment(p.at - began, p.weight, p.success) for p in points)]
    if outcome == "promoted" and points:
        moments.append(Moment(max(points[-1].at - began, 0.1), 100.0, points[-1].success))
    moments.append(Moment(max(ended - began, 1.0), 0.0))
    picture = chart(f"{ref} {outcome}", moments, good=outcome == "promoted")
    image = "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()
    chart_key, table_key = (artifact_key(ref.name, ref.namespace, what) for what in ("chart", "verdicts"))
    await acreate_image_artifact(image_url=image, key=chart_key, description=f"**{ref}** {outcome}: {reason}")
    await acreate_table_artifact(table=rows(steps), key=table_key, description=f"**{ref}** {outcome}: {reason}")
    recordings = tuple(one for step in steps for one in step.recordings)
    if recordings:
        kept = Release(release=str(ref), outcome=outcome, recordings=recordings)
        said = f"**{ref}** {outcome}: what it was judged by, for `sluice replay {ref.name}.{ref.namespace}`"
        key, data = recording_key(ref.name, ref.namespace), kept.model_dump(mode="json")
        await Artifact(type=RECORDING, key=key, description=said, data=data).acreate()


def rows(steps: list[StepResult]) -> list[dict[str, object]]:
    """One row for each metric of each step."""
    return [
        {
            "step": step.step + 1,
            "weight %": step.weight,
            "verdict": str(step.judgement.verdict),
            "metric": reading.metric,
            "value": "no data" if reading.value is None else round(reading.value, 3),
            "objective": reading.bound,
            "requests": reading.requests if reading.requests is not None else "",
            **_evidence(step, reading.metric),
            "why": step.judgement.reason,
        }
        for step in steps
        for reading in step.judgement.readings
    ] or [{"step": "", "verdict": "nothing was judged"}]


def _evidence(step: StepResult, metric: str) -> dict[str, object]:
    """What a verdict on counted requests rests on; counts and evidence are the release's so far, not the step's alone."""
    finding = next((one for one in step.judgement.findings if one.metric == metric), None)
    if finding is None:
        return {}
    low, high = finding.interval
    return {
        "bad since the release began": f"{finding.canary.bad} of {finding.canary.requests}",
        "95 % interval": f"{100 * low:.3g} to {100 * high:.3g} % bad",
        "breaks its objective with probability": f"{100 * finding.posterior:.3g} %",
        "odds: breaks its objective": odds(finding.evidence),
        "odds: worse than the primary": odds(finding.control),
    }
