"""What a sync does with rendered objects, without a Kustomization around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blocks.applied.ledger import Ledger
from blocks.applied.sight import Sight
from blocks.kubernetes.cluster import Cluster
from sluice.sync.objects import ObjectId
from tasks.sync.applying.apply import apply
from tasks.sync.applying.needed import needed
from tasks.sync.applying.owner import Owner
from tasks.sync.applying.wanted import Wanting


async def brought(cluster: Cluster, objects: Sequence[dict[str, Any]], owner: Owner) -> frozenset[ObjectId]:
    """Look at the objects and write what has to be written; those that were spared."""
    sight, wanting = Sight(cluster, Ledger()), await Wanting.of(cluster)
    await sight.look(objects)
    found = needed(sight, wanting, objects)
    return found.spared | await apply(sight, wanting, found.writes, owner)
