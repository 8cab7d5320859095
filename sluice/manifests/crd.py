"""The CustomResourceDefinitions of all modelled kinds, generated from the models.

A cluster that has Flux's or Flagger's own definitions keeps them; these are for clusters that have not.
"""

from __future__ import annotations

from typing import Any

from sluice.manifests.flagger.alert_provider import AlertProvider
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
from sluice.manifests.schema import Schema, structural

Column = tuple[str, str, str]
"""Name, type and path of a column of `kubectl get`."""

_AGE: Column = ("Age", "date", ".metadata.creationTimestamp")
_READY: tuple[Column, ...] = (
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
    ("Status", "string", '.status.conditions[?(@.type=="Ready")].message'),
)
COLUMNS: dict[type[Manifest], tuple[Column, ...]] = {
    Canary: (
        ("Status", "string", ".status.phase"),
        ("Weight", "string", ".status.canaryWeight"),
        ("LastTransitionTime", "string", ".status.lastTransitionTime"),
    ),
    MetricTemplate: (("Provider", "string", ".spec.provider.type"), _AGE),
    AlertProvider: (("Type", "string", ".spec.type"), _AGE),
    OCIRepository: (("URL", "string", ".spec.url"), *_READY, _AGE),
    Bucket: (("Endpoint", "string", ".spec.endpoint"), _AGE, *_READY),
    GitRepository: (("URL", "string", ".spec.url"), _AGE, *_READY),
    Kustomization: (_AGE, *_READY),
    HelmRepository: (("URL", "string", ".spec.url"), _AGE, *_READY),
    HelmChart: (
        ("Chart", "string", ".spec.chart"),
        ("Version", "string", ".spec.version"),
        ("Source Kind", "string", ".spec.sourceRef.kind"),
        ("Source Name", "string", ".spec.sourceRef.name"),
        _AGE,
        *_READY,
    ),
    HelmRelease: (_AGE, *_READY),
    ImageRepository: (
        ("Image", "string", ".spec.image"),
        ("Tags", "string", ".status.lastScanResult.tagCount"),
        *_READY,
        _AGE,
    ),
    ImagePolicy: (
        ("Image", "string", ".status.latestRef.name"),
        ("Tag", "string", ".status.latestRef.tag"),
        *_READY,
        _AGE,
    ),
    Receiver: (_AGE, *_READY),
    ImageUpdateAutomation: (("Last run", "string", ".status.lastAutomationRunTime"), _AGE, *_READY),
    Alert: (("Provider", "string", ".spec.providerRef.name"), ("Severity", "string", ".spec.eventSeverity"), _AGE),
    Provider: (("Type", "string", ".spec.type"), _AGE),
    FlagRollout: (
        ("Flag", "string", ".spec.flag"),
        ("Phase", "string", ".status.phase"),
        ("Share", "string", ".status.share"),
        _AGE,
        *_READY,
    ),
    Train: (("Fate", "string", ".spec.fate"), ("Phase", "string", ".status.phase"), _AGE, *_READY),
    FlagAudit: (("Last audit", "date", ".status.lastAudit"), _AGE, *_READY),
    Freeze: (
        ("From", "string", ".spec.from"),
        ("Until", "string", ".spec.until"),
        ("Reason", "string", ".spec.reason"),
        ("By", "string", ".spec.by"),
        ("Suspended", "boolean", ".spec.suspend"),
        _AGE,
        *_READY,
    ),
    Gate: (("At", "string", ".spec.at"), ("Suspended", "boolean", ".spec.suspend"), _AGE),
    AuditRecord: (
        ("Act", "string", ".spec.act"),
        ("Canary", "string", ".spec.canary"),
        ("By", "string", ".spec.by"),
        ("Gate", "string", ".spec.gate"),
        ("Reason", "string", ".spec.reason"),
        _AGE,
    ),
}
"""Every modelled kind and its columns: those that users of Flux and Flagger know."""

_SHORT_NAMES: dict[type[Manifest], list[str]] = {
    GitRepository: ["gitrepo"],
    OCIRepository: ["ocirepo"],
    Kustomization: ["ks"],
    HelmRepository: ["helmrepo"],
    HelmChart: ["hc"],
    HelmRelease: ["hr"],
    ImageRepository: ["imgrepo", "imagerepo"],
    ImagePolicy: ["imgpol", "imagepol"],
}


_RULES: dict[type[Manifest], tuple[str, str]] = {
    AuditRecord: ("self == oldSelf", "a record of the audit trail is never changed: make another one"),
}
"""What the API server holds the `spec` of a kind to besides its schema: a CEL expression, and what people read."""


def crds() -> list[dict[str, Any]]:
    """One CustomResourceDefinition (`apiextensions.k8s.io/v1`) for each modelled kind."""
    return [_crd(kind) for kind in COLUMNS]


def _crd(model: type[Manifest]) -> dict[str, Any]:
    group, version = model.api_version.split("/")
    versions = [_version(model, version, stored=True)]
    versions += [_version(model, other, stored=False) for other in getattr(model, "also_served", ())]
    names: dict[str, Any] = {
        "kind": model.kind,
        "listKind": f"{model.kind}List",
        "plural": model.plural,
        "singular": model.kind.lower(),
    }
    if model in _SHORT_NAMES:
        names["shortNames"] = _SHORT_NAMES[model]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{model.plural}.{group}", "labels": {"app.kubernetes.io/part-of": "sluice"}},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": versions},
    }


def _version(model: type[Manifest], version: str, *, stored: bool) -> dict[str, Any]:
    return {
        "name": version,
        "served": True,
        "storage": stored,
        "schema": {"openAPIV3Schema": _schema(model)},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": name, "type": kind, "jsonPath": path} for name, kind, path in COLUMNS[model]
        ],
    }


def _schema(model: type[Manifest]) -> Schema:
    schema = structural(model)
    # The API server knows the metadata better than any schema, and refuses to have it described.
    schema["properties"]["metadata"] = {"type": "object"}
    schema["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    schema["required"] = ["spec"]
    if model in _RULES:
        rule, message = _RULES[model]
        schema["properties"]["spec"]["x-kubernetes-validations"] = [{"rule": rule, "message": message}]
    if "status" in schema["properties"]:
        schema["properties"]["status"] = _lenient(schema["properties"]["status"])
    else:
        schema["properties"]["status"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return schema


def _lenient(status: Schema) -> Schema:
    """A status without required fields: it is written in parts, and by others too."""
    return {key: value for key, value in status.items() if key != "required"}
