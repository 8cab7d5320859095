"""The cluster that a Kustomization's objects are for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from blocks.connections import Connections
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.tenants import tenant
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.flux.vital import refuse_vital


@asynccontextmanager
async def target(wired: Connections, kustomization: Kustomization) -> AsyncIterator[Cluster]:
    """The cluster, with the rights that the Kustomization has there, for the duration of the block.

    Raises:
        InvalidError: it asks for what sluice cannot do, or a field of it cannot be obeyed; the message names it.
        NotFoundError: the Secret or ConfigMap with the way to another cluster is not there.
        TransientError: the other cluster does not answer.
    """
    refuse_vital(kustomization.spec, kustomization.spec.vital)
    async with tenant(wired, kustomization) as cluster:
        yield cluster
