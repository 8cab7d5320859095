"""Due: which Kustomizations a source at a new commit calls for."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from blocks.connections import connections
from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.errors import InvalidError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.record import is_due
from tasks.stage import stage
from tasks.sync.fetch_source import Fetched


class Due(BaseModel):
    """A Kustomization and what it is to be synced to; `again` where it is to be applied though it was synced before."""

    model_config = ConfigDict(frozen=True)
    namespace: str
    name: str
    source: Fetched
    again: bool = False

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@stage("find due syncs")
async def due_kustomizations(sources: list[Fetched], again: Sequence[str] = ()) -> list[Due]:
    """The Kustomizations of these sources that are to be synced now, and are not suspended.

    Args:
        sources: at their newest commits; what has not been synced to them is due.
        again: `namespace/name` of those that are due though they were.
    """
    by_name = {(source.namespace, source.name): source for source in sources}
    due = []
    for item in await connections().cluster.list(KUSTOMIZATION):
        try:
            one = Kustomization.parse(item)
        except InvalidError:
            continue
        source = by_name.get(one.source)
        if source is None or one.spec.suspend:
            continue
        asked = f"{one.namespace}/{one.name}" in again
        if asked or is_due(one, source.revision):
            due.append(Due(namespace=one.namespace, name=one.name, source=source, again=asked))
    return due
