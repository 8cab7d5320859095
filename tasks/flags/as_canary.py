"""A FlagRollout in the words of a Canary, for what judges and asks for a Canary: the same metrics, gates and thresholds.

Users of the flag's value are the canary, the others the primary. Where series tell them apart by a label, that label takes
the place of the metric's own, which stays a condition; else all users are judged after each step, and nobody is the control.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.manifests.own.flag_rollout import FlagRollout

NOBODY = "sluice-has-no-such-side"
"""Value of a label that no series has."""


def as_canary(rollout: FlagRollout, split: Collection[str] = ()) -> Canary:
    """The FlagRollout as a Canary of its name.

    Args:
        split: names of the metrics whose series have the label of the variant.
    """
    spec, status = rollout.spec, rollout.status
    metrics = [_metric(rollout, one, one.name in split) for one in spec.analysis.metrics]
    analysis = spec.analysis.model_dump(by_alias=True, mode="json", exclude_unset=True) | {"metrics": metrics}
    made: dict[str, Any] = {
        "metadata": {"name": rollout.name, "namespace": rollout.namespace, "uid": rollout.metadata.uid},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": rollout.name},
            "service": {"port": 80},
            "metricsServer": spec.metrics_server,
            "progressDeadlineSeconds": spec.progress_deadline_seconds,
            "analysis": analysis,
        },
        "status": {
            "canaryWeight": round(status.share or 0),
            "stepStarted": status.step_started,
            "failedChecks": status.failed_checks,
        },
    }
    return Canary.parse(made)


def _metric(rollout: FlagRollout, metric: CanaryMetric, split: bool) -> dict[str, Any]:
    raw: dict[str, Any] = metric.model_dump(by_alias=True, mode="json", exclude_unset=True)
    counted = metric.counted
    if counted is None:
        return raw
    if not split:
        return raw | {"counted": {**raw["counted"], "primary": NOBODY}}
    by, given = rollout.spec.split, raw["counted"]
    # What set the application's series apart from others' stays a condition, where somebody wrote it.
    own = {counted.label: counted.canary} if "canary" in given and counted.label != by.label else {}
    divided = {"label": by.label, "canary": by.on, "primary": by.off, "where": {**counted.where, **own}}
    return raw | {"counted": {**given, **divided}}
