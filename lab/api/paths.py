"""Where objects are in the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]
VERSIONS = {
    "canaries": "flagger.app/v1beta1",
    "customresourcedefinitions": "apiextensions.k8s.io/v1",
    "deployments": "apps/v1",
    "configmaps": "v1",
    "endpointslices": "discovery.k8s.io/v1",
    "flagaudits": "sluice.dev/v1alpha1",
    "gateways": "gateway.networking.k8s.io/v1",
    "helmreleases": "helm.toolkit.fluxcd.io/v2",
    "httproutes": "gateway.networking.k8s.io/v1",
    "kustomizations": "kustomize.toolkit.fluxcd.io/v1",
    "leases": "coordination.k8s.io/v1",
    "namespaces": "v1",
    "nodes": "v1",
    "pods": "v1",
}
"""Plural of a kind that is read by name → the group and version that serve it."""


def path(plural: str, namespace: str = "", name: str = "") -> str:
    """The path of one object, or of all of a kind; of the whole cluster where there is no namespace."""
    return _path(VERSIONS[plural], plural, namespace, name)


def path_of(manifest: Mapping[str, Any]) -> str:
    """The path of the object that a manifest describes."""
    meta = manifest["metadata"]
    return _path(manifest["apiVersion"], plural_of(manifest["kind"]), meta.get("namespace", ""), meta["name"])


def collection(manifest: Mapping[str, Any]) -> str:
    """The path at which the object that a manifest describes is created."""
    return path_of(manifest).rpartition("/")[0]


def plural_of(kind: str) -> str:
    """A kind's name in paths, by the rule that all kinds the lab uses keep."""
    word = kind.lower()
    if word.endswith("s"):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def _path(version: str, plural: str, namespace: str, name: str) -> str:
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{within}/{plural}" + (f"/{name}" if name else "")
