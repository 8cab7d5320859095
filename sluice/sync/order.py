"""The order in which objects are applied: what others need comes before them."""

from __future__ import annotations

from collections.abc import Iterable

from sluice.sync.objects import Object

_DEFINITIONS = frozenset({"Namespace", "CustomResourceDefinition", "ClusterRole"})
"""Also the cluster's roles: one that lets us write the rest comes in time, as in Flux."""
_CLASSES = "Class"
"""Kinds that end so: StorageClass, GatewayClass, IngressClass, PriorityClass…"""
_BEFORE_WORKLOADS = frozenset(
    {
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ClusterRoleBinding",
        "ResourceQuota",
        "LimitRange",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "ConfigMap",
        "Secret",
        "Service",
        "MetricTemplate",
        "AlertProvider",
        "GitRepository",
        "ImageRepository",
    }
)
WAVES = 4


def wave_of(kind: str) -> int:
    """Which wave a kind belongs to: 0 is applied first and pruned last."""
    if kind in _DEFINITIONS:
        return 0
    if kind.endswith(_CLASSES):
        return 1
    return 2 if kind in _BEFORE_WORKLOADS else 3


def waves(objects: Iterable[Object]) -> list[list[Object]]:
    """The objects in waves; those of one wave do not need each other and may be applied at once.

    Definitions come first, then classes, then what workloads use, then all the rest. Empty waves are left out.
    """
    ordered: list[list[Object]] = [[] for _ in range(WAVES)]
    for one in objects:
        ordered[wave_of(one["kind"])].append(one)
    return [wave for wave in ordered if wave]
