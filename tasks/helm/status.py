"""Writes the status of a HelmRelease, fenced, and only where it says something new."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import HELM_RELEASE
from blocks.kubernetes.reports import report
from sluice.errors import SluiceError
from sluice.helm.record import body
from sluice.manifests.flux.helm.release import FINALIZER, HelmRelease


async def write(cluster: Cluster, before: HelmRelease, after: HelmRelease) -> HelmRelease:
    """Bring the status from what it was to what it is to be; the HelmRelease as it is then.

    Raises:
        ConflictError: somebody wrote to it since it was read.
        NotFoundError: it is gone.
    """
    if body(before)["status"] == body(after)["status"]:
        return after
    written = await cluster.patch(HELM_RELEASE, after.name, after.namespace, body(after), subresource="status")
    version = str(written["metadata"]["resourceVersion"])
    return after.model_copy(update={"metadata": after.metadata.model_copy(update={"resource_version": version})})


async def held(cluster: Cluster, release: HelmRelease) -> HelmRelease:
    """The HelmRelease with Flux's finalizer: what helm has made of it does not outlive it unseen."""
    if FINALIZER in release.metadata.finalizers:
        return release
    return await _finalizers(cluster, release, [*release.metadata.finalizers, FINALIZER])


async def let_go(cluster: Cluster, release: HelmRelease) -> None:
    """Take the finalizer away: then the API server deletes it."""
    await _finalizers(cluster, release, [name for name in release.metadata.finalizers if name != FINALIZER])


async def posted(cluster: Cluster, release: HelmRelease, reason: str, message: str, *, warning: bool) -> None:
    """Make an Event; releases go on where that cannot be."""
    try:
        await report(cluster, release, reason, message, warning=warning)
    except SluiceError:
        return


def now() -> datetime:
    """The moment."""
    return datetime.fromtimestamp(time.time(), UTC)


async def _finalizers(cluster: Cluster, release: HelmRelease, names: list[str]) -> HelmRelease:
    change = {"metadata": {"resourceVersion": release.metadata.resource_version, "finalizers": names}}
    return HelmRelease.parse(await cluster.patch(HELM_RELEASE, release.name, release.namespace, change))
