"""The cluster that a Kustomization's objects are for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from blocks.connections import Connections
from blocks.kubernetes.cluster import Cluster
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.flux.vital import refuse_vital


@asynccontextmanager
async def target(wired: Connections, kustomization: Kustomization) -> AsyncIterator[Cluster]:
    """The cluster, with the rights that the Kustomization has there, for the duration of the block.

    Raises:
        InvalidError: it asks for another cluster, or for other rights, which sluice cannot give it.
    """
    refuse_vital(kustomization.spec, kustomization.spec.vital)
    yield wired.cluster
