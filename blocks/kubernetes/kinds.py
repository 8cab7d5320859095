"""The kinds that sluice itself reads and writes."""

from __future__ import annotations

from blocks.kubernetes.cluster import Kind
from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.base import Workload

NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
POD = Kind("v1", "Pod", "pods")
SERVICE = Kind("v1", "Service", "services")
SECRET = Kind("v1", "Secret", "secrets")
EVENT = Kind("v1", "Event", "events")
ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
CANARY = Kind("flagger.app/v1beta1", "Canary", "canaries")
METRIC_TEMPLATE = Kind("flagger.app/v1beta1", "MetricTemplate", "metrictemplates")
GIT_REPOSITORY = Kind("source.toolkit.fluxcd.io/v1", "GitRepository", "gitrepositories")
KUSTOMIZATION = Kind("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "kustomizations")
IMAGE_REPOSITORY = Kind("image.toolkit.fluxcd.io/v1", "ImageRepository", "imagerepositories")
IMAGE_POLICY = Kind("image.toolkit.fluxcd.io/v1", "ImagePolicy", "imagepolicies")
IMAGE_UPDATE_AUTOMATION = Kind("image.toolkit.fluxcd.io/v1", "ImageUpdateAutomation", "imageupdateautomations")


def kind_of(workload: Workload) -> Kind:
    """The kind of a workload."""
    return Kind(workload.api_version, workload.kind, workload.plural)


WORKLOAD_KINDS = {name: kind_of(workload) for name, workload in WORKLOADS.items()}
"""By `spec.targetRef.kind` of a Canary."""
DEPLOYMENT = WORKLOAD_KINDS["Deployment"]
