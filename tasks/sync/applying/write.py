"""Write one object: server-side apply, and a new object where a field of the old one cannot be changed."""

from __future__ import annotations

import asyncio
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from sluice.errors import ForbiddenError, InvalidError, TransientError
from sluice.sync.applying.refusals import fixed_field
from sluice.sync.applying.wishes import made_again
from sluice.sync.objects import identity

Object = dict[str, Any]
SERVED_WITHIN, LOOK = 10.0, 0.05
"""Seconds until the API server should serve a new definition, and between two looks."""
GONE_WITHIN, LOOK_GONE = 60.0, 0.5
"""Seconds until an object that is made again should be gone, and between two looks."""
FORCE_HINT = "set kustomize.toolkit.fluxcd.io/force=enabled on it, or spec.force, to have it deleted and made again"


async def write(
    cluster: Cluster,
    kind: Kind,
    manifest: Object,
    live: Object | None,
    manager: str,
    *,
    force: bool,
    fresh: Object | None = None,
) -> Object:
    """Apply a manifest; the object as it is then.

    Args:
        cluster: where.
        kind: of the manifest.
        manifest: what.
        live: what is there; None where nothing is.
        manager: our field manager.
        force: delete and make again what has a field that cannot be changed.
        fresh: what it is made again by; the manifest where it is not given.

    Raises:
        InvalidError: it is refused; where a field cannot be changed the message says what to do.
    """
    try:
        return await cluster.apply(manifest, manager=manager)
    except (InvalidError, ForbiddenError) as error:  # the latter where a webhook keeps a field as it is
        if live is None or not fixed_field(str(error)):
            raise
        if not (force or made_again(manifest) or made_again(live)):
            raise InvalidError(f"{error}; {FORCE_HINT}") from error
        await _remove(cluster, kind, manifest)
        return await cluster.apply(fresh or manifest, manager=manager)


async def _remove(cluster: Cluster, kind: Kind, manifest: Object) -> None:
    meta = manifest["metadata"]
    await cluster.delete(kind, meta["name"], meta.get("namespace"))
    for _ in range(int(GONE_WITHIN / LOOK_GONE)):
        if await cluster.find(kind, meta["name"], meta.get("namespace")) is None:
            return
        await asyncio.sleep(LOOK_GONE)
    raise TransientError(
        f"{identity(manifest)} was deleted to be made again, and a finalizer keeps it: see why its controller does not "
        "take the finalizer away"
    )


async def served(cluster: Cluster, kind: Kind, name: str) -> None:
    """Wait until the API server serves a definition: objects of its kind may come next.

    Raises:
        TransientError: it takes unusually long.
    """
    for _ in range(int(SERVED_WITHIN / LOOK)):
        conditions = ((await cluster.get(kind, name)).get("status") or {}).get("conditions") or []
        if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
            return
        await asyncio.sleep(LOOK)
    raise TransientError(f"CustomResourceDefinition {name} is not served after {SERVED_WITHIN:g} s")
