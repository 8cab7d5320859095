"""Sync: render a directory of a source, apply it server-side, prune what left it, and write down what was done."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from blocks.connections import Connections, connections
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import KUSTOMIZATION
from blocks.sources.table import source_for
from sluice.errors import SluiceError, TransientError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.flux.vital import refuse_vital
from sluice.sync import record
from sluice.sync.inventory import departed
from sluice.sync.objects import identity, left_alone
from tasks.stage import stage
from tasks.sync.applying.apply import apply
from tasks.sync.applying.place import placed
from tasks.sync.applying.prune import prune
from tasks.sync.followers.base import Due
from tasks.sync.rendering import render

Object = dict[str, Any]


class Synced(BaseModel):
    """What a sync did: objects applied, pruned, and left alone because their users asked for it."""

    model_config = ConfigDict(frozen=True)
    applied: int
    pruned: int
    left_alone: int

    @property
    def summary(self) -> str:
        """In a few words."""
        return f"{self.applied} applied, {self.pruned} pruned, {self.left_alone} left alone"


@stage("sync", run_name="sync {due}")
async def sync_kustomization(due: Due) -> Synced:
    """Bring the cluster to what the source says now. Idempotent; a sync that died is due again.

    Raises:
        InvalidError: the source cannot be rendered or an object is refused; the message names it.
        ConflictError: another sync of this Kustomization was faster.
        TransientError: the cluster does not answer, or it takes longer than `spec.timeout`.
    """
    wired = connections()
    kustomization = Kustomization.parse(await wired.cluster.get(KUSTOMIZATION, due.name, due.namespace))
    try:
        async with asyncio.timeout(kustomization.spec.timeout):
            return await _synced(wired, kustomization, due)
    except TimeoutError as error:
        raise TransientError(f"the sync of {due} took longer than its spec.timeout") from error


async def _synced(wired: Connections, kustomization: Kustomization, due: Due) -> Synced:
    """Fetch, render, apply, prune and write down; a failure is written down too."""
    reason = record.BUILD_FAILED
    version = kustomization.metadata.resource_version
    try:
        refuse_vital(kustomization.spec, kustomization.spec.vital)
        cluster = wired.cluster  # that the objects are for
        source = await source_for(wired, kustomization.source)
        # What `due` names may be old by now: this may be a late retry. Only a look at the branch after the Kustomization
        # was read cannot undo a newer sync: its writes would have changed the resourceVersion that fences ours.
        at = await source.latest()
        if not (due.reapply or record.is_due(kustomization, at)):
            return Synced(applied=0, pruned=0, left_alone=0)
        tree = await source.tree(at)
        rendered = await render(wired, kustomization, tree)
        everything = await placed(cluster, rendered, kustomization.namespace, kustomization.name)
        # What is to be left alone is neither applied nor taken for gone.
        objects = [one for one in everything if not left_alone(one)]
        ids = [identity(one) for one in objects]
        reason = record.APPLY_FAILED
        version = await _write(wired.cluster, kustomization, record.begun(kustomization, at, ids, _now()))
        spared = await apply(cluster, objects)
        reason = record.PRUNE_FAILED
        named = [identity(one) for one in everything]
        gone = departed(kustomization.status.inventory, named) if kustomization.spec.prune else []
        pruned = await prune(cluster, gone, kustomization.namespace, kustomization.name)
    except TransientError:
        raise
    except SluiceError as error:
        failed = record.failed(kustomization, reason, str(error), _now(), resource_version=version)
        await _write(wired.cluster, kustomization, failed)
        raise
    body = record.applied(kustomization, at, ids, _now(), resource_version=version)
    await _write(wired.cluster, kustomization, body)
    return Synced(applied=len(objects) - spared, pruned=pruned, left_alone=len(rendered) - len(objects) + spared)


async def _write(cluster: Cluster, kustomization: Kustomization, body: Object) -> str:
    written = await cluster.patch(
        KUSTOMIZATION, kustomization.name, kustomization.namespace, body, subresource="status"
    )
    return str(written["metadata"]["resourceVersion"])


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
