"""Placing: the identity that rendered objects will have in the cluster, which only the cluster can say for certain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blocks.kubernetes.cluster import Cluster
from sluice.sync.ownership import owned

Object = dict[str, Any]


async def placed(cluster: Cluster, objects: Sequence[Object], namespace: str, name: str) -> list[Object]:
    """The objects with the namespace that they will live in and the labels of their owner.

    Args:
        cluster: that they are for: it knows which kinds have namespaces.
        objects: as rendered. One that names no namespace gets its owner's.
        namespace: the owner's.
        name: the owner's.

    Raises:
        NotFoundError: the cluster does not serve a kind, and none of the objects defines it.
    """
    defined = {
        (one["spec"]["group"], one["spec"]["names"]["kind"]): one["spec"]["scope"]
        for one in objects
        if one["kind"] == "CustomResourceDefinition"
    }
    found = []
    for one in objects:
        group = one["apiVersion"].rpartition("/")[0]
        scope = defined.get((group, one["kind"]))
        namespaced = (
            scope == "Namespaced" if scope else (await cluster.resource_for(one["apiVersion"], one["kind"])).namespaced
        )
        meta = dict(one["metadata"])
        if namespaced:
            meta.setdefault("namespace", namespace)
        else:
            # Where a renderer wrote one, the object would have two identities, and be taken for gone under one of them.
            meta.pop("namespace", None)
        found.append(owned({**one, "metadata": meta}, namespace, name))
    return found
