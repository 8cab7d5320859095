"""Needed: which of a sync's objects have to be written. The seam between what is wanted and what is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blocks.kubernetes.cluster import Cluster

Object = dict[str, Any]


async def needed(cluster: Cluster, objects: Sequence[Object]) -> Sequence[Object]:
    """Those of the objects that are not known to be in the cluster as they are here.

    Args:
        cluster: that they are for.
        objects: placed, with their owner's labels, and without those that are left alone.
    """
    return objects
