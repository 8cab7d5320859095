"""The kinds that sluice itself reads and writes."""

from __future__ import annotations

from blocks.kubernetes.cluster import Kind
from sluice.manifests.crd import COLUMNS
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.metric_template import MetricTemplate
from sluice.manifests.flux.bucket import Bucket
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.manifests.flux.helm.release import HelmRelease
from sluice.manifests.flux.helm.repository import HelmRepository
from sluice.manifests.flux.image_policy import ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.flux.notification.alert import Alert
from sluice.manifests.flux.notification.provider import Provider
from sluice.manifests.flux.oci_repository import OCIRepository
from sluice.manifests.flux.receiver import Receiver
from sluice.manifests.meta import Manifest
from sluice.manifests.own.audit_record import AuditRecord
from sluice.manifests.own.flag_audit import FlagAudit
from sluice.manifests.own.flag_rollout import FlagRollout
from sluice.manifests.own.freeze import Freeze
from sluice.manifests.own.gate import Gate
from sluice.manifests.own.train import Train
from sluice.rollout.autoscalers import AUTOSCALERS
from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.base import Workload

NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
POD = Kind("v1", "Pod", "pods")
SERVICE = Kind("v1", "Service", "services")
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets")
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
SECRET = Kind("v1", "Secret", "secrets")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
EVENT = Kind("v1", "Event", "events")
ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
JOB = Kind("batch/v1", "Job", "jobs")
CRON_JOB = Kind("batch/v1", "CronJob", "cronjobs")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")


def _modelled(model: type[Manifest]) -> Kind:
    return Kind(model.api_version, model.kind, model.plural)


CANARY = _modelled(Canary)
METRIC_TEMPLATE = _modelled(MetricTemplate)
GIT_REPOSITORY = _modelled(GitRepository)
OCI_REPOSITORY = _modelled(OCIRepository)
BUCKET = _modelled(Bucket)
KUSTOMIZATION = _modelled(Kustomization)
HELM_RELEASE = _modelled(HelmRelease)
HELM_CHART = _modelled(HelmChart)
HELM_REPOSITORY = _modelled(HelmRepository)
ALERT = _modelled(Alert)
PROVIDER = _modelled(Provider)
IMAGE_REPOSITORY = _modelled(ImageRepository)
IMAGE_POLICY = _modelled(ImagePolicy)
IMAGE_UPDATE_AUTOMATION = _modelled(ImageUpdateAutomation)
RECEIVER = _modelled(Receiver)
FLAG_AUDIT = _modelled(FlagAudit)
FLAG_ROLLOUT = _modelled(FlagRollout)
GATE = _modelled(Gate)
FREEZE = _modelled(Freeze)
AUDIT_RECORD = _modelled(AuditRecord)
TRAIN = _modelled(Train)


FLUX_KINDS = tuple(
    _modelled(model) for model in COLUMNS if model.api_version.partition("/")[0].endswith(".toolkit.fluxcd.io")
)
"""Every kind of Flux's that sluice has a model of."""


def kind_of(workload: Workload) -> Kind:
    """The kind of a workload."""
    return Kind(workload.api_version, workload.kind, workload.plural)


AUTOSCALER_KINDS = {name: Kind(row.api_version, row.kind, row.plural) for name, row in AUTOSCALERS.items()}
"""By `spec.autoscalerRef.kind` of a Canary. Nobody watches them: their status changes all the time."""
HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT = AUTOSCALER_KINDS["HorizontalPodAutoscaler"], AUTOSCALER_KINDS["ScaledObject"]
WORKLOAD_KINDS = {name: kind_of(workload) for name, workload in WORKLOADS.items()}
"""By `spec.targetRef.kind` of a Canary."""
DEPLOYMENT = WORKLOAD_KINDS["Deployment"]
