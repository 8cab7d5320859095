"""Drift of one Kustomization: what somebody changed of these objects, and putting it back by a sync of its own."""

from __future__ import annotations

from typing import Any

from blocks.applied.ledger import Ledger, Place, place_of
from blocks.applied.sight import Sight
from blocks.connections import Connections
from blocks.sources.table import source_for
from sluice.errors import NotFoundError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.applying.wishes import left_alone
from sluice.sync.drift.findings import Finding
from sluice.sync.objects import identity
from sluice.sync.revision import commit_of
from tasks.sync.applying.needed import needed
from tasks.sync.applying.place import placed
from tasks.sync.applying.wanted import Wanting
from tasks.sync.fetch_source import Fetched
from tasks.sync.followers.base import Due
from tasks.sync.kustomizations.sync import sync_kustomization
from tasks.sync.kustomizations.target import target
from tasks.sync.rendering import render

Object = dict[str, Any]


async def drifted(wired: Connections, one: Kustomization, places: frozenset[Place]) -> list[Finding]:
    """What somebody changed of these objects, by the revision that was applied last. Nothing is written.

    Raises:
        TerminalError, TransientError: the source, or the cluster, does not say what it is to be, or is.
    """
    rendered = await render(wired, one, await _tree(wired, one))
    async with target(wired, one) as cluster:
        everything = await placed(cluster, rendered, one.namespace, one.name)
        asked = [each for each in everything if place_of(identity(each)) in places and not left_alone(each)]
        ledger = wired.applied.ledgers.known((one.kind, one.namespace, one.name), one.metadata.resource_version)
        sight = Sight(cluster, ledger or Ledger(), nothing_new=True)
        await sight.look(asked)
        needed(sight, await Wanting.of(cluster, one.spec.ignore), asked)
        return list(sight.findings.values())


async def restored(one: Kustomization) -> None:
    """Apply the Kustomization as its source says now, whatever of it was changed.

    Raises:
        TerminalError, TransientError: as a sync of it.
    """
    at = one.status.last_applied_revision
    source = Fetched(namespace=one.source.namespace, name=one.source.name, commit=commit_of(at), revision=at)
    await sync_kustomization.fn(Due(namespace=one.namespace, name=one.name, source=source, reapply=True))


async def _tree(wired: Connections, one: Kustomization) -> Any:
    """The files of the revision that was applied; where this process never had them, those of now."""
    source = await source_for(wired, one.source)
    try:
        return await source.tree(one.status.last_applied_revision)
    except NotFoundError:
        return await source.tree(await source.latest())
