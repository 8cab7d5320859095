"""Due: which Kustomizations a source at a new commit calls for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from blocks.connections import connections
from blocks.kubernetes.kinds import KUSTOMIZATION
from blocks.sources.table import refusal
from sluice.errors import NotFoundError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.record import is_due, refused
from tasks.stage import stage
from tasks.sync.fetch_source import Fetched


class Due(BaseModel):
    """A Kustomization and what it is to be synced to; `reapply` where it is to be applied though it was synced before."""

    model_config = ConfigDict(frozen=True)
    namespace: str
    name: str
    source: Fetched
    reapply: bool = False

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@stage("find due syncs")
async def due_kustomizations(sources: list[Fetched], reapply: Sequence[str] = ()) -> list[Due]:
    """The Kustomizations of these sources that are to be synced now, and are not suspended.

    Args:
        sources: at their newest commits; what has not been synced to them is due.
        reapply: `namespace/name` of those that are due though they were.

    One that follows a source of a kind that sluice does not have says so in its Ready condition. It is nobody else's: a
    GitRepository of that name is another source.
    """
    by_key = {source.key: source for source in sources}
    due = []
    for one in Kustomization.valid(await connections().cluster.list(KUSTOMIZATION)):
        if one.spec.suspend:
            continue
        if why := refusal(one.source.kind):
            await _refuse(one, why)
        source = by_key.get(one.source)
        if source is None:
            continue
        asked = f"{one.namespace}/{one.name}" in reapply
        if asked or is_due(one, source.revision):
            due.append(Due(namespace=one.namespace, name=one.name, source=source, reapply=asked))
    return due


async def _refuse(one: Kustomization, why: str) -> None:
    body = refused(one, why, datetime.fromtimestamp(time.time(), UTC))
    if body:
        # It was deleted meanwhile: nobody is left to read the reason.
        with contextlib.suppress(NotFoundError):
            await connections().cluster.patch(KUSTOMIZATION, one.name, one.namespace, body, subresource="status")
