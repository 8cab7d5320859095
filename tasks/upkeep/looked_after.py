"""The objects of a kind that this installation looks after: those of its namespaces."""

from __future__ import annotations

from itertools import chain
from typing import Any

from blocks.connections import connections
from blocks.kubernetes.cluster import Kind


async def looked_after(kind: Kind) -> list[dict[str, Any]]:
    """All of them, by one list for each namespace that is named, or one for all."""
    wired = connections()
    return list(chain.from_iterable([await wired.cluster.list(kind, ns) for ns in wired.namespaces or (None,)]))
