"""When an object was last given what it is to be: by what the API server recorded, whoever reads it."""

from __future__ import annotations

from typing import Any

from sluice.rollout.written import written_at
from tests.samples import canary_manifest, deployment

MADE, LATER, LAST = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"
MADE_S = 1767225600.0


def managed(*entries: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    fields = [{"manager": "kubectl", "time": time, "fieldsV1": field} for time, field in entries]
    return {"creationTimestamp": MADE, "managedFields": fields}


def test_a_workload_counts_from_its_pod_template_and_not_from_its_replicas_or_status() -> None:
    """Else the scaling of a rollout would put off the release that waits for it."""
    template, replicas, status = {"f:spec": {"f:template": {}}}, {"f:spec": {"f:replicas": {}}}, {"f:status": {}}
    meta = managed((MADE, template), (LATER, template), (LAST, replicas), (LAST, status))
    assert written_at(deployment(change={"metadata": meta})) == MADE_S + 60


def test_a_canary_counts_from_its_spec_and_not_from_the_status_that_sluice_writes() -> None:
    """A Canary that was suspended may want its run since the suspension was taken away."""
    item = canary_manifest()
    item["metadata"] |= managed((LATER, {"f:spec": {"f:suspend": {}}}), (LAST, {"f:status": {"f:phase": {}}}))
    assert written_at(item) == MADE_S + 60


def test_without_managed_fields_its_making_counts() -> None:
    """They may have been cleared: https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields."""
    assert written_at(deployment(change={"metadata": {"creationTimestamp": MADE}})) == MADE_S
    assert written_at(deployment()) == 0.0
