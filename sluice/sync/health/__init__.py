"""Whether an object of the cluster is ready, read from the object alone, by kstatus's rules.

A kind without a row is read by its conditions; a new one is a file and a row.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.sync.health import (
    autoscaler,
    daemon_set,
    definition,
    deployment,
    disruption_budget,
    job,
    pod,
    replica_set,
    service,
    stateful_set,
    volume_claim,
)
from sluice.sync.health.base import Health, Object, Rule
from sluice.sync.health.general import by_conditions, first, once_observed

HEALTH: Mapping[tuple[str, str], Rule] = {
    ("apps", "Deployment"): deployment.health,
    ("apps", "StatefulSet"): stateful_set.health,
    ("apps", "DaemonSet"): daemon_set.health,
    ("apps", "ReplicaSet"): replica_set.health,
    ("", "ReplicationController"): replica_set.health,
    ("batch", "Job"): job.health,
    ("", "Pod"): pod.health,
    ("", "PersistentVolumeClaim"): volume_claim.health,
    ("", "Service"): service.health,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition.health,
    ("policy", "PodDisruptionBudget"): disruption_budget.health,
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaler.health,
    ("kustomize.toolkit.fluxcd.io", "Kustomization"): once_observed,
    ("helm.toolkit.fluxcd.io", "HelmRelease"): once_observed,
    ("source.toolkit.fluxcd.io", "GitRepository"): once_observed,
    ("source.toolkit.fluxcd.io", "OCIRepository"): once_observed,
    ("source.toolkit.fluxcd.io", "Bucket"): once_observed,
    ("image.toolkit.fluxcd.io", "ImageRepository"): once_observed,
    ("image.toolkit.fluxcd.io", "ImagePolicy"): once_observed,
}


def health_of(item: Object) -> Health:
    """Whether an object of the cluster is ready."""
    group = str(item.get("apiVersion", "")).rpartition("/")[0]
    return first(item) or HEALTH.get((group, str(item.get("kind"))), by_conditions)(item)
