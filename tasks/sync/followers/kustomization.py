"""Kustomizations as followers of a source."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from blocks.connections import connections
from blocks.kubernetes.kinds import KUSTOMIZATION
from blocks.sources.table import refusal
from sluice.errors import NotFoundError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.kustomization import FINALIZER, Kustomization
from sluice.manifests.references import SourceKey
from sluice.sync.record import is_due, refused
from tasks.sync.fetch_source import Fetched
from tasks.sync.followers.base import Due, named
from tasks.sync.known_followers import followers
from tasks.sync.kustomizations.leave import leave
from tasks.sync.kustomizations.sync import sync_kustomization
from tasks.sync.kustomizations.synced import Synced


class KustomizationFollower:
    """Directories of a source that are rendered and applied.

    One that follows a source of a kind that sluice does not have says so in its Ready condition. It is nobody else's: a
    GitRepository of that name is another source.
    """

    kind = Kustomization.kind

    async def due(self, sources: Mapping[SourceKey, Fetched], reapply: Collection[str]) -> list[Due]:
        """Those whose source moved just now or is at another revision than they are, whose manifest changed or whose last
        try failed."""
        due, names = [], {key.name for key in sources}
        # Of thousands a few follow these sources: the others are not read.
        found = [item for item in await followers(KUSTOMIZATION, sources, reapply) if _may_follow(item, names)]
        for one in Kustomization.valid(found):
            if one.spec.suspend or one.leaving:
                continue
            if why := refusal(one.source.kind):
                await _refuse(one, why)
            source = sources.get(one.source)
            if source is None:
                continue
            asked = named(self.kind, one.namespace, one.name) in reapply
            if asked or source.moved or is_due(one, source.revision):
                due.append(Due(namespace=one.namespace, name=one.name, source=source, reapply=asked))
        return due

    async def sync(self, due: Due) -> Synced:
        """Render, apply, prune."""
        return await sync_kustomization(due)

    async def leaving(self, names: Collection[str]) -> list[tuple[str, str]]:
        """Those that were deleted and still have the finalizer."""
        every = await connections().informers.listed(KUSTOMIZATION)
        return [
            (one.namespace, one.name)
            for one in Kustomization.valid([item for item in every if item["metadata"].get("deletionTimestamp")])
            if one.leaving
            and FINALIZER in one.metadata.finalizers
            and named(self.kind, one.namespace, one.name) in names
        ]

    async def leave(self, namespace: str, name: str) -> Synced:
        """Prune as its deletionPolicy says, and take the finalizer away."""
        return await leave(namespace, name)


def _may_follow(item: dict[str, Any], names: Collection[str]) -> bool:
    """Whether an object names a source of such a name, or one of a kind that it has to be refused for."""
    reference = (item.get("spec") or {}).get("sourceRef") or {}
    return reference.get("name") in names or bool(refusal(reference.get("kind", GitRepository.kind)))


async def _refuse(one: Kustomization, why: str) -> None:
    body = refused(one, why, datetime.fromtimestamp(time.time(), UTC))
    if body:
        # It was deleted meanwhile: nobody is left to read the reason.
        with contextlib.suppress(NotFoundError):
            await connections().cluster.patch(KUSTOMIZATION, one.name, one.namespace, body, subresource="status")
