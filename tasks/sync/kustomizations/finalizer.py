"""Flux's finalizer on a Kustomization: what it applied does not outlive it unseen."""

from __future__ import annotations

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.errors import ConflictError
from sluice.manifests.flux.kustomization import FINALIZER, Kustomization
from tasks.sync.kustomizations.status import OvertakenError


async def keep(home: Cluster, one: Kustomization) -> Kustomization:
    """The Kustomization with the finalizer, which is set before anything is applied.

    Raises:
        OvertakenError: somebody wrote to it since it was read.
    """
    if FINALIZER in one.metadata.finalizers:
        return one
    return await _write(home, one, [*one.metadata.finalizers, FINALIZER])


async def release(home: Cluster, one: Kustomization) -> None:
    """Take the finalizer away: then the API server deletes the Kustomization."""
    await _write(home, one, [name for name in one.metadata.finalizers if name != FINALIZER])


async def _write(home: Cluster, one: Kustomization, finalizers: list[str]) -> Kustomization:
    body = {"metadata": {"resourceVersion": one.metadata.resource_version, "finalizers": finalizers}}
    try:
        return Kustomization.parse(await home.patch(KUSTOMIZATION, one.name, one.namespace, body))
    except ConflictError as error:
        raise OvertakenError(str(error)) from error
