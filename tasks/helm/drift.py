"""Drift of a release: its objects compared with the cluster, and what was changed put right."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from blocks.kubernetes.cluster import Cluster
from sluice.errors import InvalidError, NotFoundError
from sluice.helm.objects.drift import MANAGER, drift_of
from sluice.helm.objects.manifest import Object, is_exempt, objects_of, placed
from sluice.helm.storage import StoredRelease
from sluice.manifests.flux.helm.release import HelmRelease
from sluice.rollout.workloads import WORKLOADS
from sluice.sync.drift.findings import Finding, gone
from sluice.sync.ownership import is_target
from tasks.helm.look import Look

AT_ONCE = 16
"""Objects that are read at the same time."""


async def objects_in(cluster: Cluster, release: StoredRelease) -> list[Object]:
    """The objects of a release as helm has applied them; of a kind that is not served any more as the chart has them."""
    objects = objects_of(release.manifest, f"the manifest of release {release.name}")
    namespaced = {}
    for key in {(one["apiVersion"], one["kind"]) for one in objects}:
        try:
            namespaced[key] = (await cluster.resource_for(*key)).namespaced
        except NotFoundError:
            continue
    return placed(objects, release, namespaced)


async def compare(look: Look, release: HelmRelease, last: StoredRelease) -> list[tuple[Object, Finding]]:
    """The objects that are not as the release has them, each with what was changed."""
    rules = release.spec.drift_detection.ignore
    governed, targets = await look.owned()
    room = asyncio.Semaphore(AT_ONCE)

    async def one(manifest: Object) -> tuple[Object, Finding] | None:
        async with room:
            live = await _live(look.cluster, manifest)
        if live is None:
            return manifest, gone(manifest)
        if is_exempt(live) or governed.has(live):
            return None
        found = drift_of(manifest, live, rules, target=is_target(manifest, targets))
        return (manifest, found) if found else None

    wanted = [manifest for manifest in await objects_in(look.cluster, last) if not is_exempt(manifest)]
    return [found for found in await asyncio.gather(*map(one, wanted)) if found]


async def correct(look: Look, release: HelmRelease, last: StoredRelease) -> list[Finding]:
    """Apply what differs; what it was.

    Raises:
        InvalidError: some could not be put right; the message names them.
    """
    done, failed = [], []
    _, targets = await look.owned()
    for manifest, found in await compare(look, release, last):
        try:
            live = await _live(look.cluster, manifest)
            wanted = manifest
            if live is not None and is_target(manifest, targets):
                wanted = WORKLOADS[manifest["kind"]].writes.yielding(manifest, live, MANAGER)
            await look.cluster.apply(wanted, manager=MANAGER)
            done.append(found)
        except (InvalidError, NotFoundError) as error:
            failed.append(f"{found.object}: {'(hidden)' if manifest['kind'] == 'Secret' else error}")
    if failed:
        raise InvalidError("not all that was changed could be put right: " + "; ".join(failed))
    return done


def summary(found: Sequence[Finding]) -> list[str]:
    """A line for each object."""
    return [str(one) for one in found]


async def _live(cluster: Cluster, manifest: Object) -> Object | None:
    try:
        kind = await cluster.resource_for(manifest["apiVersion"], manifest["kind"])
    except NotFoundError:
        return None
    meta = manifest["metadata"]
    return await cluster.find(kind, meta["name"], meta.get("namespace") if kind.namespaced else None)
