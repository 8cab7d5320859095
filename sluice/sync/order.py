"""The order in which objects are applied: what others need comes before them."""

from __future__ import annotations

from collections.abc import Iterable

from sluice.sync.objects import Object

_FIRST = frozenset({"Namespace", "CustomResourceDefinition"})
_BEFORE_WORKLOADS = frozenset(
    {
        "ServiceAccount",
        "Role",
        "ClusterRole",
        "RoleBinding",
        "ClusterRoleBinding",
        "ResourceQuota",
        "LimitRange",
        "StorageClass",
        "PriorityClass",
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


def waves(objects: Iterable[Object]) -> list[list[Object]]:
    """The objects in waves; those of one wave do not need each other and may be applied at once.

    Namespaces and definitions come first, then what workloads use, then all the rest. Empty waves are left out.
    """
    ordered: list[list[Object]] = [[], [], []]
    for one in objects:
        ordered[0 if one["kind"] in _FIRST else 1 if one["kind"] in _BEFORE_WORKLOADS else 2].append(one)
    return [wave for wave in ordered if wave]
