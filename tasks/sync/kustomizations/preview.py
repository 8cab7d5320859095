"""Preview: what a sync of a Kustomization would change, by the API server's own dry run. Nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from blocks.applied.ledger import Ledger
from blocks.applied.sight import Sight
from blocks.connections import Connections
from blocks.kubernetes.cluster import Cluster
from blocks.sources.table import source_for
from sluice.errors import NotFoundError, SluiceError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.applying.refusals import masked
from sluice.sync.applying.wishes import left_alone, never_pruned
from sluice.sync.drift.differences import ABSENT
from sluice.sync.drift.findings import changed
from sluice.sync.drift.managers import without
from sluice.sync.drift.shown import diff
from sluice.sync.inventory import departed
from sluice.sync.objects import ObjectId, identity
from sluice.sync.ownership import is_owned
from tasks.sync.applying.needed import needed
from tasks.sync.applying.place import placed
from tasks.sync.applying.wanted import MANAGER, Wanting
from tasks.sync.kustomizations.target import target
from tasks.sync.rendering import render

Object = dict[str, Any]
AT_ONCE = 16


class Preview(BaseModel):
    """What would become of one object.

    Attributes:
        object: which.
        lines: the diff.
        refused: why the API server would refuse it; empty where it would not.
    """

    model_config = ConfigDict(frozen=True)
    object: ObjectId
    lines: tuple[str, ...] = ()
    refused: str = ""


async def previewed(wired: Connections, one: Kustomization, folder: Path | None = None) -> list[Preview]:
    """The objects that a sync would change, make or delete, and those that the API server would refuse.

    Args:
        wired: what this process is connected to.
        one: the Kustomization as it is.
        folder: rendered in the place of what its source says now.

    Raises:
        TerminalError, TransientError: the source cannot be fetched or rendered, or the cluster does not answer.
    """
    spec = one.spec if folder is None else one.spec.model_copy(update={"path": ""})
    if folder is None:
        source = await source_for(wired, one.source)
        folder = await source.tree(await source.latest())
    rendered = await render(wired, one.model_copy(update={"spec": spec}), folder)
    async with target(wired, one) as cluster:
        everything = await placed(cluster, rendered, one.namespace, one.name)
        objects = [each for each in everything if not left_alone(each)]
        sight, wanting = Sight(cluster, Ledger()), await Wanting.of(cluster, one.spec.ignore)
        await sight.look(objects)
        writes = needed(sight, wanting, objects).writes
        room = asyncio.Semaphore(AT_ONCE)

        async def write(manifest: Object) -> Preview:
            async with room:
                return await _written(cluster, sight, wanting, manifest)

        gone = departed(one.status.inventory, [identity(each) for each in everything]) if one.spec.prune else []
        previews = [*await asyncio.gather(*map(write, writes)), *await _pruned(cluster, one, gone)]
    return [each for each in previews if each.lines or each.refused]


async def _written(cluster: Cluster, sight: Sight, wanting: Wanting, manifest: Object) -> Preview:
    """What the API server says that the object would be."""
    live, name = sight.found(manifest), identity(manifest)
    wanted = manifest if live is None else wanting.over(manifest, live)
    try:
        after = await cluster.dry_run(wanted, manager=MANAGER)
    except NotFoundError:
        after = wanted  # its namespace or its definition comes with it
    except SluiceError as error:
        return Preview(object=name, refused=masked(manifest, str(error)))
    if live is not None and wanting.takes(manifest, live):
        # What a person has added with kubectl goes as well: its fields become ours first.
        for each in changed(wanted, live, MANAGER):
            if each.wanted is ABSENT:
                after = without(after, each.keys)
    return Preview(object=name, lines=tuple(diff(live, after)))


async def _pruned(cluster: Cluster, one: Kustomization, gone: Sequence[ObjectId]) -> list[Preview]:
    found = []
    for each in gone:
        try:
            kind = await cluster.resource_for(each.api_version, each.kind)
        except NotFoundError:
            continue
        live = await cluster.find(kind, each.name, each.namespace or None)
        if live is not None and is_owned(live, one.namespace, one.name) and not never_pruned(live):
            found.append(Preview(object=each, lines=tuple(diff(live, None))))
    return found
