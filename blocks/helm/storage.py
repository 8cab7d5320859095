"""Helm's record of releases in the cluster: read by us, written by helm; only a dead act's mark is taken off by us."""

from __future__ import annotations

import asyncio
import time

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import SECRET
from sluice.helm.storage import StoredRelease, key_of, newest_first, packed


async def revisions(cluster: Cluster, namespace: str, name: str) -> list[StoredRelease]:
    """The revisions of a release, the newest first.

    Raises:
        InvalidError: one cannot be read.
    """
    found = await cluster.list(SECRET, namespace, f"owner=helm,name={name}")
    return await asyncio.to_thread(newest_first, found)


async def unlock(cluster: Cluster, namespace: str, release: StoredRelease) -> None:
    """Set a release that an act left pending to failed, as Flux does.

    Raises:
        ConflictError: somebody changed it meanwhile.
        NotFoundError: it is gone.
    """
    key = key_of(release.name, release.version)
    secret = await cluster.get(SECRET, key, namespace)
    info = {**release.info, "status": "failed", "description": f"Release unlocked from stale '{release.status}' state"}
    body = {
        "metadata": {
            "resourceVersion": secret["metadata"]["resourceVersion"],
            "labels": {"status": "failed", "modifiedAt": str(int(time.time()))},
        },
        "data": {"release": packed({**release.document, "info": info})},
    }
    await cluster.patch(SECRET, key, namespace, body)
