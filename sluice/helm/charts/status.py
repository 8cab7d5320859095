"""What is written into the status of a HelmChart, in Flux's words."""

from __future__ import annotations

from datetime import datetime

from sluice.errors import SluiceError, UnverifiedError, reason_of
from sluice.manifests.conditions import READY, Condition, find_condition, rfc3339
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.manifests.flux.helm.release import REQUESTED_AT
from sluice.manifests.flux.outcome import Body, outcome, says

VERIFIED, SUCCEEDED = "SourceVerified", "Succeeded"


def pulled(
    chart: HelmChart, name: str, version: str, revision: str, now: datetime, *, verified: str = ""
) -> Body | None:
    """A version was found, and whose signature it has, where one is asked for; None where the status says so already."""
    said = f"pulled '{name}' chart with version '{version}'"
    ready = Condition(type=READY, status="True", reason="ChartPullSucceeded", message=said)
    known = chart.status.artifact.revision if chart.status.artifact else ""
    asked = chart.metadata.annotations.get(REQUESTED_AT, "")
    answered = asked in {"", chart.status.last_handled_reconcile_at}
    if (
        says(chart, ready)
        and _verified(chart) == ("True" if verified else "", verified)
        and known == version
        and chart.status.observed_source_artifact_revision == revision
        and answered
    ):
        return None
    artifact = {
        "revision": version,
        "digest": "",
        "lastUpdateTime": rfc3339(now)
        if known != version or not chart.status.artifact
        else chart.status.artifact.last_update_time,
        "path": f"helmchart/{chart.namespace}/{chart.name}/{name}-{version}.tgz",
        "url": "",
    }
    also = {"observedChartName": name, "observedSourceArtifactRevision": revision, "artifact": artifact}
    also |= {"lastHandledReconcileAt": asked} if asked else {}
    signed = [Condition(type=VERIFIED, status="True", reason=SUCCEEDED, message=verified)] if verified else []
    return {"status": also | outcome(chart, ready, now, more=signed, gone=(VERIFIED,) if not verified else ())}


def unpulled(chart: HelmChart, error: Exception, now: datetime) -> Body | None:
    """No version was found, what was found before stays; None where the status says so already."""
    reason = "InvalidChartReference" if isinstance(error, SluiceError) else "ChartPullError"
    reason = error.reason if isinstance(error, UnverifiedError) else reason
    ready = Condition(type=READY, status="False", reason=reason, message=reason_of(error)[:4000])
    asked = chart.metadata.annotations.get(REQUESTED_AT, "")
    if says(chart, ready) and asked in {"", chart.status.last_handled_reconcile_at}:
        return None
    signed = [ready.model_copy(update={"type": VERIFIED})] if isinstance(error, UnverifiedError) else []
    return {"status": outcome(chart, ready, now, more=signed) | ({"lastHandledReconcileAt": asked} if asked else {})}


def _verified(chart: HelmChart) -> tuple[str, str]:
    """Status and message of what the HelmChart says of its signature; empty where it says nothing."""
    found = find_condition(chart.status.conditions, VERIFIED)
    return (found.status, found.message) if found else ("", "")
