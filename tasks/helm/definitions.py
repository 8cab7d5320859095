"""The definitions that a chart brings in `crds/`: made or replaced as the manifest says, before the release."""

from __future__ import annotations

import asyncio

from blocks.helm.program import Run
from blocks.kubernetes.cluster import Cluster, Kind
from sluice.errors import TransientError
from sluice.helm.objects.manifest import CRD, objects_of, origin
from sluice.manifests.flux.helm.release import HelmRelease

LARGEST = 16 * 1024 * 1024
WITHIN, LOOK = 60.0, 0.1


async def bring_definitions(run: Run, chart: str, cluster: Cluster, release: HelmRelease, policy: str) -> list[str]:
    """Make what is missing, with `CreateReplace` also what differs; the names of those that were written.

    Raises:
        InvalidError: they cannot be read, or the API server refuses one.
        TransientError: one is not served in time.
    """
    if policy == "Skip":
        return []
    text = await run.call(["show", "crds", chart], WITHIN, most=LARGEST)
    kind = await cluster.resource_for("apiextensions.k8s.io/v1", CRD)
    written = []
    for one in objects_of(text, "crds/"):
        if one["kind"] != CRD:
            continue  # as in Flux: nothing else belongs there
        name = one["metadata"]["name"]
        if policy == "Create" and await cluster.find(kind, name) is not None:
            continue
        labels = {**(one["metadata"].get("labels") or {}), **origin(release)}
        await cluster.apply({**one, "metadata": {**one["metadata"], "labels": labels}}, manager="helm")
        written.append(name)
    for name in written:
        await _served(cluster, kind, name)
    return written


async def _served(cluster: Cluster, kind: Kind, name: str) -> None:
    for _ in range(int(WITHIN / LOOK)):
        conditions = ((await cluster.get(kind, name)).get("status") or {}).get("conditions") or []
        if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
            return
        await asyncio.sleep(LOOK)
    raise TransientError(f"{CRD} {name} is not served after {WITHIN:g} s")
