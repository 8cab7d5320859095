"""Sync: render a directory of a source, apply it server-side, prune what left it, and write down what was done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from blocks.connections import Connections, connections
from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.kinds import CANARY, KUSTOMIZATION
from blocks.sources.table import source_for
from sluice.errors import ForbiddenError, NotFoundError, SluiceError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.flux.vital import refuse_vital
from sluice.rollout.workloads import WORKLOADS
from sluice.sync import record
from sluice.sync.inventory import departed
from sluice.sync.objects import ObjectId, identity, left_alone, never_pruned
from sluice.sync.order import waves
from sluice.sync.ownership import Governed, is_owned, is_target, owned, rollout_targets
from tasks.stage import stage
from tasks.sync.due_kustomizations import Due

Object = dict[str, Any]
AT_ONCE = 16
"""Objects that are applied at the same time: below what API servers give one client."""
MANAGER = "sluice"
RIGHTS = "what is in git needs rights of its own: the component `sync`, or a ClusterRole labelled sluice.dev/sync=true"
SERVED_WITHIN, LOOK = 10.0, 0.05
"""Seconds until the API server should serve a new definition, and between two looks."""


class Synced(BaseModel):
    """What a sync did: objects applied, pruned, and left alone because their users asked for it."""

    model_config = ConfigDict(frozen=True)
    applied: int
    pruned: int
    left_alone: int


@stage("sync", run_name="sync {due}")
async def sync(due: Due) -> Synced:
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
        source = await source_for(wired, kustomization.source)
        # What `due` names may be old by now: this may be a late retry. Only a look at the branch after the Kustomization
        # was read cannot undo a newer sync: its writes would have changed the resourceVersion that fences ours.
        at = await source.latest()
        if not (due.reapply or record.is_due(kustomization, at)):
            return Synced(applied=0, pruned=0, left_alone=0)
        tree = await source.tree(at)
        rendered = await wired.renderer(kustomization.kind).render(tree, kustomization.spec)
        placed = await _placed(wired.cluster, rendered, kustomization)
        # What is to be left alone is neither applied nor taken for gone.
        objects = [one for one in placed if not left_alone(one)]
        ids = [identity(one) for one in objects]
        reason = record.APPLY_FAILED
        version = await _write(wired.cluster, kustomization, record.begun(kustomization, at, ids, _now()))
        with _rights_explained():
            spared = await _apply(wired.cluster, objects)
        reason = record.PRUNE_FAILED
        named = [identity(one) for one in placed]
        gone = departed(kustomization.status.inventory, named) if kustomization.spec.prune else []
        with _rights_explained():
            pruned = await _prune(wired.cluster, gone, kustomization)
    except TransientError:
        raise
    except SluiceError as error:
        failed = record.failed(kustomization, reason, str(error), _now(), resource_version=version)
        await _write(wired.cluster, kustomization, failed)
        raise
    body = record.applied(kustomization, at, ids, _now(), resource_version=version)
    await _write(wired.cluster, kustomization, body)
    return Synced(applied=len(objects) - spared, pruned=pruned, left_alone=len(rendered) - len(objects) + spared)


@contextmanager
def _rights_explained() -> Iterator[None]:
    """Name the way out where what is in git may not be written: the doctor knows nothing of its kinds."""
    try:
        yield
    except ForbiddenError as error:
        raise ForbiddenError(f"{error}; {RIGHTS}") from error


async def _placed(cluster: Cluster, objects: Sequence[Object], owner: Kustomization) -> list[Object]:
    """The objects with the namespace that they will live in (the owner's where they name none) and the owner's labels."""
    defined = {
        (one["spec"]["group"], one["spec"]["names"]["kind"]): one["spec"]["scope"]
        for one in objects
        if one["kind"] == "CustomResourceDefinition"
    }
    placed = []
    for one in objects:
        group = one["apiVersion"].rpartition("/")[0]
        scope = defined.get((group, one["kind"]))
        namespaced = (
            scope == "Namespaced" if scope else (await cluster.resource_for(one["apiVersion"], one["kind"])).namespaced
        )
        meta = dict(one["metadata"])
        if namespaced:
            meta.setdefault("namespace", owner.namespace)
        placed.append(owned({**one, "metadata": meta}, owner.namespace, owner.name))
    return placed


async def _apply(cluster: Cluster, objects: Sequence[Object]) -> int:
    """Apply the objects wave by wave; how many were spared because the cluster's own object asks for it.

    Each object of a wave gets its try; a failure among them ends the sync after the wave.
    """
    canaries = Canary.valid(await cluster.list(CANARY))
    users = Governed.by(canaries)
    targets = rollout_targets([canary for canary in canaries if canary.spec.target_ref.kind in WORKLOADS])
    room = asyncio.Semaphore(AT_ONCE)

    async def one(manifest: Object) -> bool:
        async with room:
            meta = manifest["metadata"]
            kind = await cluster.resource_for(manifest["apiVersion"], manifest["kind"])
            live = await cluster.find(kind, meta["name"], meta.get("namespace"))
            if live is not None and (left_alone(live) or users.has(live)):
                return False
            if live is not None and is_target(manifest, targets):
                manifest = WORKLOADS[manifest["kind"]].writes.yielding(manifest, live, MANAGER)
            await cluster.apply(manifest, manager=MANAGER)
            if manifest["kind"] == "CustomResourceDefinition":
                await _served(cluster, kind, meta["name"])
            return True

    spared = 0
    for together in waves(objects):
        ends = await asyncio.gather(*(one(manifest) for manifest in together), return_exceptions=True)
        for error in ends:
            if isinstance(error, BaseException):
                raise error
        spared += ends.count(False)
    return spared


async def _served(cluster: Cluster, kind: Kind, name: str) -> None:
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


async def _prune(cluster: Cluster, gone: Sequence[ObjectId], owner: Kustomization) -> int:
    pruned = 0
    # A Canary that leaves in the same sync governs nothing any more.
    leaving = {(one.namespace, one.name) for one in gone if one.kind == Canary.kind}
    canaries = [one for one in Canary.valid(await cluster.list(CANARY)) if (one.namespace, one.name) not in leaving]
    users = Governed.by(canaries)
    # What has a namespace goes before definitions and namespaces, which would take it with them.
    for one in sorted(gone, key=lambda one: not one.namespace):
        try:
            kind = await cluster.resource_for(one.api_version, one.kind)
        except NotFoundError:
            # Its definition is gone, and all objects of the kind with it.
            continue
        live = await cluster.find(kind, one.name, one.namespace or None)
        # What was to be applied and never was is not ours to delete, although the inventory has it.
        if live is None or never_pruned(live) or users.has(live):
            continue
        if is_owned(live, owner.namespace, owner.name):
            await cluster.delete(kind, one.name, one.namespace or None)
            pruned += 1
    return pruned


async def _write(cluster: Cluster, kustomization: Kustomization, body: Object) -> str:
    written = await cluster.patch(
        KUSTOMIZATION, kustomization.name, kustomization.namespace, body, subresource="status"
    )
    return str(written["metadata"]["resourceVersion"])


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
