"""Placing: the identity that rendered objects will have in the cluster, which only the cluster can say for certain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from blocks.kubernetes.cluster import Cluster
from sluice.errors import InvalidError
from sluice.sync.inventory import entry_id
from sluice.sync.objects import identity
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
        InvalidError: two of them are one object.
    """
    scopes = {
        (one["spec"]["group"], one["spec"]["names"]["kind"]): one["spec"]["scope"]
        for one in objects
        if one["kind"] == "CustomResourceDefinition"
    }
    found = []
    for one in objects:
        group = one["apiVersion"].rpartition("/")[0]
        scope = scopes.get((group, one["kind"]))
        namespaced = (
            scope == "Namespaced" if scope else (await cluster.resource_for(one["apiVersion"], one["kind"])).namespaced
        )
        meta = dict(one["metadata"])
        if namespaced:
            meta["namespace"] = meta.get("namespace") or namespace
        else:
            # Where a renderer wrote one, the object would have two identities, and be taken for gone under one of them.
            meta.pop("namespace", None)
        found.append(owned({**one, "metadata": meta}, namespace, name))
    _refuse_doubles(found)
    return found


def _refuse_doubles(objects: Sequence[Object]) -> None:
    """The later would undo the earlier, at every sync."""
    counts = Counter(entry_id(identity(one)) for one in objects)
    double = [identity(one) for one in objects if counts[entry_id(identity(one))] > 1]
    if double:
        raise InvalidError(f"{double[0]} is rendered more than once: keep one of them")
